import type { ModelStatistics, Outcome, Tally, Timing } from "./inference.js";

/** Counts and sums, written by one model and read at any time. */
class RunningTally implements Tally {
  count = 0;
  totalMs = 0;

  add(ms: number, times = 1): void {
    this.count += times;
    this.totalMs += ms * times;
  }
}

const MAX_EXACT_ROWS = 1024;

/** When one run's steps took place, by the process clock. */
export interface RunTimes {
  readonly dispatchedMs: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly settledMs: number;
}

/** A model's figures since it was loaded. */
export class StatisticsRecorder implements ModelStatistics {
  inferenceCount = 0;
  executionCount = 0;
  lastInferenceMs = 0;
  readonly success = new RunningTally();
  readonly fail = new RunningTally();
  readonly queue = new RunningTally();
  readonly computeInput = new RunningTally();
  readonly computeInfer = new RunningTally();
  readonly computeOutput = new RunningTally();
  readonly batches = new Map<number, { count: number; inferMs: number }>();

  /** A call ended, `totalMs` after it came. */
  call(outcome: Outcome, totalMs: number): void {
    this.lastInferenceMs = Date.now();
    if (!outcome.ok) {
      this.fail.add(totalMs);
      return;
    }
    this.success.add(totalMs);
    this.#timing(outcome.timing);
  }

  #timing({ queueMs, inferMs }: Timing): void {
    this.queue.add(queueMs);
    this.computeInfer.add(inferMs);
  }

  /** A run of `rows` rows for `calls` calls ended. */
  run(rows: number, calls: number, times: RunTimes): void {
    this.executionCount += 1;
    this.inferenceCount += rows;
    this.computeInput.add(Math.max(0, times.startMs - times.dispatchedMs), calls);
    this.computeOutput.add(Math.max(0, times.settledMs - times.endMs), calls);
    // Callers choose the rows: sizes beyond any batch's are counted together, by powers of two.
    const size = rows <= MAX_EXACT_ROWS ? rows : 2 ** Math.ceil(Math.log2(rows));
    const batch = this.batches.get(size) ?? { count: 0, inferMs: 0 };
    this.batches.set(size, { count: batch.count + 1, inferMs: batch.inferMs + (times.endMs - times.startMs) });
  }
}
