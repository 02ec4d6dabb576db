import { Latencies, type LatencySummary } from "./latency.js";

/** What came of calls. Those that fail count as calls, not as latencies. */
export interface LoadFigures {
  readonly seconds: number;
  /** Answered while it lasted, well or not. */
  readonly callsPerSecond: number;
  readonly codes: Readonly<Record<string, number>>;
  /** Calls that an open loop did not make, as too many were open. */
  readonly notSent: number;
  /**
   * What a caller who comes at the planned time sees. Open loop: from the time the call was due. Closed loop: corrected
   * for the calls that waiting callers did not make.
   */
  readonly latency: LatencySummary;
  /** From the time the call was made. */
  readonly asMeasured: LatencySummary;
  /** How much later than due the open loop's calls were made: the generator's own fault. */
  readonly lateness: LatencySummary;
}

/** Share of calls that failed, or that were due and not made, from 0 to 1; NaN where there was none. */
export function failedShare({ codes, notSent }: LoadFigures): number {
  const all = Object.values(codes).reduce((sum, count) => sum + count, notSent);
  return (all - (codes.OK ?? 0)) / all;
}

/** When a call was due, made and over. */
export interface CallTimes {
  readonly dueMs: number;
  readonly sentMs: number;
  readonly endedMs: number;
}

/** Counts calls. */
export class LoadTally {
  readonly #latencies = new Latencies();
  readonly #measured = new Latencies();
  readonly #lateness = new Latencies();
  readonly #codes: Record<string, number> = {};
  #answered = 0;
  #notSent = 0;

  /** A call that was due in the time that is counted. */
  count(code: string, { dueMs, sentMs, endedMs }: CallTimes): void {
    this.#codes[code] = (this.#codes[code] ?? 0) + 1;
    if (code !== "OK") return;
    this.#latencies.record(endedMs - dueMs);
    this.#measured.record(endedMs - sentMs);
    this.#lateness.record(sentMs - dueMs);
  }

  /** A call that was due and not made. */
  countNotSent(): void {
    this.#notSent += 1;
  }

  /** An answer that came in the time that is counted, to whichever call. */
  countAnswer(): void {
    this.#answered += 1;
  }

  /** Adds what another has counted. */
  add(other: LoadTally): void {
    for (const [code, count] of Object.entries(other.#codes)) this.#codes[code] = (this.#codes[code] ?? 0) + count;
    this.#latencies.add(other.#latencies);
    this.#measured.add(other.#measured);
    this.#lateness.add(other.#lateness);
    this.#answered += other.#answered;
    this.#notSent += other.#notSent;
  }

  /** @param isClosed whether callers waited for their answers: a call that was left out meanwhile is made up for */
  figures(seconds: number, isClosed: boolean): LoadFigures {
    const measured = this.#measured.summary();
    // A caller that is not made to wait makes a call as often as the usual call takes.
    const isCorrected = isClosed && measured.count > 0;
    const latencies = isCorrected ? this.#measured.corrected(this.#measured.percentileMs(50)) : this.#latencies;
    return {
      seconds,
      callsPerSecond: seconds > 0 ? this.#answered / seconds : 0,
      codes: { ...this.#codes },
      notSent: this.#notSent,
      latency: latencies.summary(),
      asMeasured: measured,
      lateness: this.#lateness.summary(),
    };
  }
}
