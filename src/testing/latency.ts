import { build, type Histogram } from "hdr-histogram-js";

/** Percentiles that reports have. */
export const PERCENTILES = [50, 75, 90, 95, 99, 99.9, 99.99] as const;

/** What many latencies come to, in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly maxMs: number;
  /** By percentile: `"99.9"`. */
  readonly percentilesMs: Readonly<Record<string, number>>;
}

/** From a microsecond to an hour, to three digits. */
const RANGE = { lowestDiscernibleValue: 1, highestTrackableValue: 3.6e9, numberOfSignificantValueDigits: 3 } as const;
const MICROSECONDS = 1e3;

/** Counts latencies in a histogram whose error is the same, relatively, at every size. @see http://hdrhistogram.org */
export class Latencies {
  readonly #histogram: Histogram;

  constructor(histogram: Histogram = build(RANGE)) {
    this.#histogram = histogram;
  }

  record(latencyMs: number): void {
    const micros = Math.round(latencyMs * MICROSECONDS);
    this.#histogram.recordValue(Math.min(RANGE.highestTrackableValue, Math.max(1, micros)));
  }

  /** Adds those that another has counted. */
  add(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  /** The value that `percentile` of 100 latencies do not pass. */
  percentileMs(percentile: number): number {
    return this.#histogram.getValueAtPercentile(percentile) / MICROSECONDS;
  }

  /**
   * The same latencies, and those of the calls that were left out because a caller waited: one that makes a call every
   * `intervalMs` and waits ten times as long has left out nine, which would have waited for nine intervals, eight, …
   */
  corrected(intervalMs: number): Latencies {
    return new Latencies(this.#histogram.copyCorrectedForCoordinatedOmission(Math.round(intervalMs * MICROSECONDS)));
  }

  summary(): LatencySummary {
    return {
      count: this.#histogram.totalCount,
      meanMs: this.#histogram.totalCount === 0 ? 0 : this.#histogram.mean / MICROSECONDS,
      maxMs: this.#histogram.maxValue / MICROSECONDS,
      percentilesMs: Object.fromEntries(PERCENTILES.map((each) => [String(each), this.percentileMs(each)])),
    };
  }
}
