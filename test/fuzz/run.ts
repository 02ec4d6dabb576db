import { parseArgs } from "node:util";
import { type FuzzFinding, fuzz, keepFinding } from "./fuzz.js";
import { fuzzNative, NATIVE_TARGET } from "./native.js";
import { type FuzzTarget, fuzzTargets } from "./targets.js";

/** Cases that are tried before it says how far it is. */
const STEP = 5000;
/** Beside the targets' weights: a model takes some milliseconds. */
const NATIVE_WEIGHT = 3;

/** Tries some numbers; returns what it found. */
type Try = (from: number, count: number) => Promise<readonly FuzzFinding[]>;

/** The long run: `node dist/test/fuzz/run.js --cases 1000000 --seed 1`. Exits with 1 where something is found. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { cases: { type: "string" }, seed: { type: "string" } } });
  const cases = Number(values.cases ?? 1_000_000);
  const seed = Number(values.seed ?? Date.now() % 1e9);
  const targets = await fuzzTargets();
  const weights = targets.reduce((sum, { weight }) => sum + weight, NATIVE_WEIGHT);
  const share = (weight: number) => Math.ceil((cases * weight) / weights);
  process.stdout.write(`${cases} cases from seed ${seed}\n`);
  for (const target of targets) {
    await run(target.name, { seed, count: share(target.weight) }, inProcess(target));
    await target.close?.();
  }
  let told = 0;
  const native: Try = async (from, count) => {
    const result = await fuzzNative({ from, count });
    told += result.told.length;
    return result.findings;
  };
  await run(NATIVE_TARGET, { seed, count: share(NATIVE_WEIGHT) }, native);
  process.stdout.write(`${told} of them end the process that loads them, and are told\n`);
}

function inProcess(target: FuzzTarget): Try {
  return async (from, count) => [await fuzz(target, { from, count })].filter((one) => one !== undefined);
}

/** Tries the cases of a target until something is found, and says how many there were. */
async function run(name: string, { seed, count }: { seed: number; count: number }, tryCases: Try): Promise<void> {
  const startMs = performance.now();
  let done = 0;
  while (done < count) {
    const step = Math.min(STEP, count - done);
    const findings = await tryCases(seed + done, step);
    done += step;
    if (process.stderr.isTTY) process.stderr.write(`\r${name}: ${done} of ${count}   `);
    for (const finding of findings)
      process.stdout.write(`${name}: ${finding.problem}\nkept in ${keepFinding(finding)}\n`);
    if (findings.length === 0) continue;
    process.exitCode = 1;
    break;
  }
  const seconds = (performance.now() - startMs) / 1e3;
  process.stdout.write(`${name}: ${done} cases in ${seconds.toFixed(1)} s\n`);
}

await main();
