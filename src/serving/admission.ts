import { Fault } from "../contract/fault.js";

/** How much of a new figure goes into the mean. */
const MEAN_WEIGHT = 0.1;
/** How fast the quick figure follows slower runs; faster ones it takes at once. */
const QUICK_RISE = 0.02;
/** What a refusal takes off the quick figure: a figure that refuses every call would never be measured again. */
const REFUSAL_DECAY = 0.98;

/**
 * How long one run of a model takes, as measured. `quickMs` is what a fast run takes: a call with less time left can't
 * be met. `meanMs` tells callers how long a full queue means.
 */
export class RunEstimate {
  #quickMs: number | undefined;
  #meanMs: number | undefined;

  get quickMs(): number {
    return this.#quickMs ?? 0;
  }

  get meanMs(): number {
    return this.#meanMs ?? 0;
  }

  observe(runMs: number): void {
    this.#meanMs = this.#meanMs === undefined ? runMs : this.#meanMs + (runMs - this.#meanMs) * MEAN_WEIGHT;
    const quick = this.#quickMs;
    this.#quickMs = quick === undefined || runMs < quick ? runMs : quick + (runMs - quick) * QUICK_RISE;
  }

  /** Takes note that a call was refused on account of `quickMs`. */
  refused(): void {
    if (this.#quickMs !== undefined) this.#quickMs *= REFUSAL_DECAY;
  }
}

/** What a new call meets. */
export interface Load {
  /** Calls that wait. */
  readonly waiting: number;
  /** Workers that run calls. */
  readonly workers: number;
  readonly nowMs: number;
  /** Absolute epoch milliseconds; Infinity for none. */
  readonly deadlineMs: number;
}

/** Decides whether a model takes a call on. Work that can't be done, or not in time, is not begun. */
export class Admission {
  readonly estimate = new RunEstimate();
  readonly #label: string;
  readonly #queueSize: number;

  /** @param queueSize calls that may wait */
  constructor(label: string, queueSize: number) {
    this.#label = label;
    this.#queueSize = queueSize;
  }

  /** Why a call is not taken on: OVERLOADED or DEADLINE; undefined: it is. */
  refusal(load: Load): Fault | undefined {
    return this.late(load.nowMs, load.deadlineMs) ?? this.#overload(load);
  }

  /** DEADLINE where a run begun now would not end in time. */
  late(nowMs: number, deadlineMs: number): Fault | undefined {
    const leftMs = deadlineMs - nowMs;
    if (leftMs <= 0)
      return new Fault("DEADLINE", `${this.#label}: the deadline had passed before inference; it was not begun`);
    const { quickMs } = this.estimate;
    if (leftMs >= quickMs) return undefined;
    this.estimate.refused();
    const message = `${this.#label}: ${leftMs.toFixed(1)} ms are left and inference takes at least ${quickMs.toFixed(1)} ms; it was not begun`;
    return new Fault("DEADLINE", message);
  }

  #overload({ waiting, workers }: Load): Fault | undefined {
    if (waiting < this.#queueSize) return undefined;
    const retryAfterMs = Math.max(1, (waiting * this.estimate.meanMs) / Math.max(1, workers));
    const message = `${this.#label}: the queue is full: ${waiting} calls wait, about ${Math.ceil(retryAfterMs)} ms of work; try again then`;
    return new Fault("OVERLOADED", message, { retryAfterMs });
  }
}
