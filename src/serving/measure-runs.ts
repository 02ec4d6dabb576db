import { isBatchable, type Signature } from "../contract/signature.js";
import type { Tensor } from "../contract/tensor.js";
import { processClockMs } from "./messages.js";
import { wouldRunNear } from "./near-check.js";
import { rowsAreIndependent } from "./row-check.js";
import { type ModelFile, Session } from "./session.js";
import type { RunModel } from "./transform-runner.js";
import type { Measurement } from "./tuning.js";
import { FREE_DIMENSIONS, zeros } from "./warm-up.js";

/** What is measured. */
export interface MeasurePlan {
  readonly model: ModelFile;
  /** Whether messages go through a transform, which runs in a worker. */
  readonly isTransformed: boolean;
  /** Numbers of threads that one run uses. */
  readonly threads: readonly number[];
  /** Rows of a run. */
  readonly rows: readonly number[];
  /** Size of free dimensions other than the first; undefined: the first that the model takes. */
  readonly free: number | undefined;
  /** How long each pair of threads and rows is measured. */
  readonly budgetMs: number;
}

/** What was found out of a model. */
export interface MeasuredRuns {
  readonly measurements: readonly Measurement[];
  /** Why calls can't share runs; undefined: they can. */
  readonly unbatchable: string | undefined;
  /** Whether a lone worker's runs are made on the server's own thread, as the way to the worker costs more. */
  readonly near: boolean;
  /** Size that free dimensions other than the first had; undefined where there is none. */
  readonly free: number | undefined;
}

/** Runs that are timed at least, however long they take. */
const LEAST_RUNS = 5;

/**
 * Runs a model on zeros with each number of threads and rows, and times it.
 * @param onProgress told how many pairs of how many are done
 * @throws ModelError; Error where the model refuses zeros
 */
export async function measureRuns(
  plan: MeasurePlan,
  onProgress: (done: number, of: number) => void,
): Promise<MeasuredRuns> {
  const measurements: Measurement[] = [];
  let unbatchable: string | undefined;
  let free: number | undefined;
  for (const [index, threads] of plan.threads.entries()) {
    const session = await Session.load(plan.model, threads);
    const { signature } = session;
    const run = (inputs: readonly Tensor[]) => session.run(inputs);
    if (index === 0) {
      free = await findFree(signature, plan.free, run);
      unbatchable = await whyUnbatchable(signature, run);
    }
    for (const [position, rows] of plan.rows.entries()) {
      if (rows === 1 || unbatchable === undefined)
        measurements.push({ threads, rows, ...(await time(zeros(signature, rows, free ?? 1), run, plan.budgetMs)) });
      onProgress(index * plan.rows.length + position + 1, plan.threads.length * plan.rows.length);
    }
    session.release();
  }
  const varies = measurements.length > 0 && free !== undefined;
  const near = !plan.isTransformed && (await wouldRunNear(plan.model));
  return { measurements, unbatchable, near, free: varies ? free : undefined };
}

async function findFree(signature: Signature, wanted: number | undefined, run: RunModel): Promise<number | undefined> {
  if (!signature.inputs.some(({ shape }) => shape.includes(-1, 1))) {
    await run(zeros(signature, 1, 1));
    return undefined;
  }
  let refusal: unknown;
  for (const free of wanted === undefined ? FREE_DIMENSIONS.slice(1) : [wanted]) {
    try {
      await run(zeros(signature, 1, free));
      return free;
    } catch (error) {
      refusal = error;
    }
  }
  throw new Error(`the model refuses zeros: ${(refusal as Error).message}; say a size that it takes with --free`);
}

async function whyUnbatchable(signature: Signature, run: RunModel): Promise<string | undefined> {
  if (!isBatchable(signature)) return "an input or output has a fixed first dimension";
  return (await rowsAreIndependent(signature, run)) ? undefined : "the answer to a row depends on the rows beside it";
}

async function time(
  inputs: readonly Tensor[],
  run: RunModel,
  budgetMs: number,
): Promise<{ usualMs: number; slowMs: number }> {
  await run(inputs);
  const times: number[] = [];
  const beginMs = processClockMs();
  while (times.length < LEAST_RUNS || processClockMs() - beginMs < budgetMs) {
    const startMs = processClockMs();
    await run(inputs);
    times.push(processClockMs() - startMs);
  }
  times.sort((a, b) => a - b);
  return { usualMs: times[times.length >> 1]!, slowMs: times[Math.floor(times.length * 0.95)]! };
}
