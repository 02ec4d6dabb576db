/** What came of a call. */
export type CallOutcome = "answered" | "overloaded" | "failed";

/**
 * How many calls may be open: one more for each round that goes well, half as many when a server says that it has too
 * many. So a bridge finds out what a fleet takes (additive increase, multiplicative decrease, as TCP does).
 */
export class Pace {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #open = 0;
  /** Of the limit: calls of one round that are all refused say it once. */
  #round = 0;

  constructor(max: number) {
    this.#max = max;
    this.#limit = max;
  }

  /** Calls that may be open now. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /**
   * Waits until another call may begin. Each is followed by one `end`.
   * @returns the round that it belongs to
   */
  async begin(): Promise<number> {
    while (this.#open >= this.limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#open += 1;
    return this.#round;
  }

  end(round: number, outcome: CallOutcome): void {
    this.#open -= 1;
    if (outcome === "overloaded" && round === this.#round) {
      this.#limit = Math.max(1, this.#limit / 2);
      this.#round += 1;
    }
    if (outcome === "answered") this.#limit = Math.min(this.#max, this.#limit + 1 / this.#limit);
    for (const wake of this.#waiting.splice(0, Math.max(1, this.limit - this.#open))) wake();
  }
}
