import type { Tensor } from "../src/contract/tensor.js";
import { Admission } from "../src/serving/admission.js";
import { Batcher, type Runner } from "../src/serving/batcher.js";
import { processClockMs } from "../src/serving/messages.js";
import type { Padding } from "../src/serving/padding.js";
import type { Job, JobResult } from "../src/serving/pool.js";
import { markdownTable, median, writeReport } from "./report.js";

/** Calls that come in together. */
const TOGETHER = [1, 8, 32, 64];
/** Tokens of a call: its tensor is INT64 of that many. */
const TOKENS = 32;
const ROUNDS = 31;
const ROUND_MS = 20;
const PADDING: Padding = { axis: 1, values: { ids: 0 }, cut: ["ids"] };

/** Answers every run with its own inputs: what is measured is all that is around a run. */
class Mirror implements Runner {
  readonly idle = true;
  readonly near = false;
  readonly readyWorkers = 1;

  takes(): boolean {
    return true;
  }

  async run({ request }: Job): Promise<JobResult> {
    if (request.kind !== "run") throw new Error("no run");
    const nowMs = processClockMs();
    return { kind: "ran", outputs: request.inputs, span: { startMs: nowMs, endMs: nowMs } };
  }
}

interface Way {
  readonly name: string;
  readonly maxRows: number;
  readonly padding?: Padding;
}

const WAYS: readonly Way[] = [
  { name: "each call alone", maxRows: 1 },
  { name: "joined", maxRows: 64 },
  { name: "joined, of two lengths, filled up", maxRows: 64, padding: PADDING },
];

function makeBatcher({ maxRows, padding }: Way): Batcher {
  const batcher = new Batcher({
    runner: new Mirror(),
    admission: new Admission("bench", 1024),
    settings: { maxRows, maxDelayMs: 0 },
    events: { onCall() {}, onRun() {} },
  });
  batcher.pad(padding);
  return batcher;
}

function call(tokens: number): Tensor[] {
  return [{ name: "ids", datatype: "INT64", shape: [1, tokens], data: new BigInt64Array(tokens) }];
}

/** Processor time of a call, in microseconds, where so many come in together. */
async function microsOf(way: Way, together: number): Promise<number> {
  const batcher = makeBatcher(way);
  const calls = Array.from({ length: together }, (_, index) => call(way.padding && index % 2 ? TOKENS / 2 : TOKENS));
  const before = process.cpuUsage();
  const endMs = performance.now() + ROUND_MS;
  let made = 0;
  for (; performance.now() < endMs; made += together) {
    await Promise.all(calls.map((inputs) => settled(batcher, inputs)));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / made;
}

function settled(batcher: Batcher, inputs: readonly Tensor[]): Promise<void> {
  return new Promise((resolve, reject) => {
    batcher.submit({ kind: "tensors", inputs }, Number.POSITIVE_INFINITY, (outcome) =>
      outcome.ok ? resolve() : reject(outcome.fault),
    );
  });
}

const rows: string[][] = [];
for (const together of TOGETHER) {
  const rounds = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of WAYS) rounds.get(way)!.push(await microsOf(way, together));
  }
  rows.push([String(together), ...WAYS.map((way) => median(rounds.get(way)!).toFixed(1))]);
}
const head = ["calls that come together", ...WAYS.map(({ name }) => `${name}, us a call`)];
writeReport(
  "batcher",
  `The batcher alone, without a model: processor time of a call, the middle of ${ROUNDS} rounds. A call is one row of ${TOKENS} INT64.\n\n${markdownTable(head, rows)}`,
);
