import { call, startLoad } from "../support/caller.js";
import { LISTED, raiseCallers } from "../support/callers.js";
import { liveOrders, MODEL, pin, raiseLive } from "../support/live-fleet.js";
import { undoAll } from "../support/undo.js";
import { eventually } from "../support/waiting.js";
import { CONCURRENCY, FAULTS, type Fault } from "./faults.js";
import { raiseNode, rolledOut, wait } from "./harm.js";

const ROUNDS = Number(process.env.ROUNDS ?? 10);
const SEED = Number(process.env.SEED ?? Date.now() % 1e6);
/** Calls before and after each fault. */
const CALM_MS = 3000;

let state = SEED;

/** A number below `limit`, the same for the same seed. @see https://en.wikipedia.org/wiki/Linear_congruential_generator */
function random(limit: number): number {
  state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
  return Math.floor((state / 2 ** 31) * limit);
}

/** Faults by chance, and none a second time before all of them were there. */
function* faults(): Generator<Fault> {
  for (;;) {
    const left = [...FAULTS];
    while (left.length > 0) yield left.splice(random(left.length), 1)[0]!;
  }
}

/** One fault under constant calls. Returns whether its bounds were kept. */
async function round({ name, inflict, mostFailed, recoverMs }: Fault, number: number): Promise<boolean> {
  const orders = { ...(await liveOrders(MODEL)), headers: pin("r1"), connections: 2 };
  await eventually(
    "all calls are answered",
    () => call(LISTED, { ...orders, calls: 100 }),
    ({ codes }) => codes.OK === 100,
  );
  const load = startLoad(LISTED, { ...orders, concurrency: CONCURRENCY });
  await wait(CALM_MS);
  await inflict();
  await rolledOut();
  await wait(CALM_MS);
  const { calls, codes, latency, firstFailureMs = 0, lastFailureMs = 0 } = await load.stop();
  const failed = calls - (codes.OK ?? 0);
  const failingMs = lastFailureMs - firstFailureMs;
  const kept = failed <= mostFailed.calls + mostFailed.share * calls && failingMs <= recoverMs;
  const others = Object.entries(codes).filter(([code]) => code !== "OK");
  const told = others.length === 0 ? "none" : others.map(([code, count]) => `${code} ${count}`).join(", ");
  const figures = [
    `${calls} calls`,
    `failed: ${told}`,
    `recovered in ${(failingMs / 1000).toFixed(1)} s`,
    `slowest ${latency.OK!.maxMs.toFixed(0)} ms`,
  ];
  process.stdout.write(`${kept ? "ok  " : "FAIL"}  ${number}. ${name}: ${figures.join("; ")}\n`);
  return kept;
}

async function main(): Promise<number> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void undoAll().finally(() => process.exit(1)));
  }
  process.stdout.write(`SEED=${SEED} ROUNDS=${ROUNDS} make test-faults does the same again\n`);
  await Promise.all([raiseCallers(), raiseLive(), raiseNode()]);
  let passed = 0;
  const next = faults();
  for (let number = 1; number <= ROUNDS; number++) {
    const kept = await round(next.next().value as Fault, number).catch((error: Error) => {
      process.stdout.write(`FAIL  ${number}. ${error.message}\n`);
      return false;
    });
    if (kept) passed++;
  }
  process.stdout.write(`\n${passed} passed, ${ROUNDS - passed} failed\n`);
  return passed === ROUNDS ? 0 : 1;
}

process.exitCode = await main().finally(undoAll);
