import type { Signature } from "../contract/signature.js";
import type { Tensor } from "../contract/tensor.js";
import { processClockMs, type RunCost } from "./messages.js";
import type { RunModel } from "./transform-runner.js";
import { zeros } from "./warm-up.js";

/** The longest run that may keep the server's own thread: health checks and other calls wait for it. */
export const NEAR_LIMIT_MS = 1;
/** Runs of each size that are measured, and how long that may take in all. */
const RUNS = 15;
const LIMIT_MS = 100;
const MANY_ROWS = 16;

/**
 * Measures a model whose runs' time follows from their number of rows alone: it has no loops or branches, and no free
 * dimension but the rows.
 * @returns undefined for any other, and for one that takes longer than `NEAR_LIMIT_MS`
 */
export async function measureCost(signature: Signature, run: RunModel): Promise<RunCost | undefined> {
  if (signature.inputs.some(({ shape }) => shape.includes(-1, 1))) return undefined;
  const firstRowMs = await shortestMs(zeros(signature, 1, 1), run);
  if (firstRowMs > NEAR_LIMIT_MS) return undefined;
  if (signature.inputs.every(({ shape }) => shape[0] !== -1)) return { firstRowMs, nextRowMs: 0 };
  const manyMs = await shortestMs(zeros(signature, MANY_ROWS, 1), run);
  return { firstRowMs, nextRowMs: Math.max(0, manyMs - firstRowMs) / (MANY_ROWS - 1) };
}

/** What a run of these tensors will take, with so many more rows. */
export function expectedMs({ firstRowMs, nextRowMs }: RunCost, inputs: readonly Tensor[], moreRows = 0): number {
  let rows = 1;
  for (const { shape } of inputs) rows = Math.max(rows, shape[0] ?? 1);
  return firstRowMs + (rows + moreRows - 1) * nextRowMs;
}

/** The shortest: whatever else the machine does only adds to it. */
async function shortestMs(inputs: readonly Tensor[], run: RunModel): Promise<number> {
  const times: number[] = [];
  const beginMs = processClockMs();
  while (times.length < RUNS && processClockMs() - beginMs < LIMIT_MS) {
    const startMs = processClockMs();
    await run(inputs);
    times.push(processClockMs() - startMs);
  }
  return Math.min(...times);
}
