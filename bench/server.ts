import { startFlotilla } from "./flotilla.js";
import { chosenKinds, type Kind, writeBenchFleet } from "./kinds.js";
import { Loaded } from "./loaded.js";
import { type BareRuns, runBare, runBareBesideWork, startEcho } from "./references.js";
import { markdownTable, writeReport } from "./report.js";
import { cheapest, fastest, IN_FLIGHT, measureRound, type Round, WARM_UP_MS } from "./round.js";

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const ROUND_MS = Number(process.env.ROUND_MS ?? 1500);

/** A server of one kind of model, and what its figures are set against. */
interface Contest {
  readonly kind: Kind;
  readonly candidates: readonly Loaded[];
  /** One row a run, and as many as the batched server's runs hold. */
  readonly bareRows: readonly number[];
}

async function contest(kind: Kind, folder: string): Promise<Contest> {
  const { maxSize } = kind.batching;
  const plain = await startFlotilla(folder, kind, { batching: false, processes: 1 });
  const batched = await startFlotilla(folder, kind, { batching: true, processes: 1 });
  const candidates: Loaded[] = [];
  for (const [protocol, request] of [
    ["typed", kind.typed],
    ["OIP", kind.openInference],
  ] as const) {
    const load = { path: request.path, requests: [request.bytes] };
    const single = new Loaded(`Flotilla, ${protocol}`, plain, load);
    const joined = new Loaded(`Flotilla, ${protocol}, batching ${maxSize}`, batched, load);
    const echo = new Loaded(`bare grpc-js echo, ${protocol}`, await startEcho(single, folder), load);
    candidates.push(echo, single, joined);
  }
  return { kind, candidates, bareRows: [1, Math.min(maxSize, IN_FLIGHT)] };
}

const BESIDE_WORK = `${bareName(1)}, another processor busy`;

type Cost = Pick<Round, "cpuMicros" | "callsPerSecond">;

/** ONNX Runtime alone, for each row of its runs. */
function bareCost({ runMs, cpuSeconds }: BareRuns, rows: number): Cost {
  const [calls, wallMs] = [runMs.length * rows, runMs.reduce((sum, ms) => sum + ms)];
  return { cpuMicros: (cpuSeconds * 1e6) / calls, callsPerSecond: (calls * 1e3) / wallMs };
}

/** All candidates in turn, so that all meet the same machine; then again. */
async function measure({ kind, candidates, bareRows }: Contest, folder: string): Promise<string> {
  const rounds = new Map<string, Cost[]>();
  const add = (name: string, result: Cost) => rounds.set(name, [...(rounds.get(name) ?? []), result]);
  // The first figures are the compiler's.
  for (const candidate of candidates) await measureRound(candidate, WARM_UP_MS);
  for (let index = 0; index < ROUNDS; index++) {
    for (const rows of bareRows)
      add(bareName(rows), bareCost(runBare(kind, folder, { rows, durationMs: ROUND_MS }), rows));
    add(BESIDE_WORK, bareCost(runBareBesideWork(kind, folder, { rows: 1, durationMs: ROUND_MS }), 1));
    for (const candidate of candidates) add(candidate.name, await measureRound(candidate, ROUND_MS));
    process.stderr.write(`${kind.name}: round ${index + 1} of ${ROUNDS}\n`);
  }
  const bare = rounds.get(bareName(1))!;
  const rows = [...rounds].map(([name, results]) => {
    const reference = rounds.get(`bare grpc-js echo, ${name.includes("OIP") ? "OIP" : "typed"}`)!;
    const isBare = name.startsWith("ONNX");
    return [
      name,
      cheapest(results).toFixed(0),
      fastest(results).toFixed(0),
      isBare ? "" : (cheapest(results) / cheapest(reference)).toFixed(2),
      (cheapest(results) / cheapest(bare)).toFixed(2),
      (fastest(results) / fastest(bare)).toFixed(2),
    ];
  });
  const head = [kind.name, "CPU us a call", "calls/s", "CPU / echo", "CPU / bare run", "calls/s / bare run"];
  return `${markdownTable(head, rows)}\n`;
}

function bareName(rows: number): string {
  return `ONNX Runtime alone, ${rows} ${rows === 1 ? "row" : "rows"} a run`;
}

const fleet = writeBenchFleet();
const tables: string[] = [];
try {
  for (const kind of chosenKinds(fleet)) {
    const made = await contest(kind, fleet.folder);
    try {
      tables.push(await measure(made, fleet.folder));
    } finally {
      await Promise.all([...new Set(made.candidates.map(({ child }) => child))].map((child) => child.stop()));
    }
  }
} finally {
  fleet.remove();
}
const note = `Server processor time of a call, and calls a second: ${IN_FLIGHT} in flight, one row a call, one thread a run; the best of ${ROUNDS} rounds, taken in turn.`;
writeReport("server", `${note}\n\n${tables.join("\n")}`);
