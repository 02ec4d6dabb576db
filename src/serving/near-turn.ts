/** Runs that are taken on for one turn of the event loop: between turns, calls come in and health checks are answered. */
const TURN_LIMIT_MS = 4;

/** Makes a run. @returns tells whoever waits for it; it is called once all runs of the turn are made */
export type MakeRun = () => () => void;

/** What is run on this thread in one turn of the event loop: small jobs of all models that are run here. */
class NearTurn {
  #due: MakeRun[] = [];
  #takenMs = 0;
  /** Told that there is room again. */
  readonly #members: (() => void)[] = [];

  /** Whether no more is to be taken on for the next turn. */
  get isFull(): boolean {
    return this.#takenMs >= TURN_LIMIT_MS;
  }

  /** @param onRoom called after a turn that was full */
  join(onRoom: () => void): void {
    this.#members.push(onRoom);
  }

  leave(onRoom: () => void): void {
    const index = this.#members.indexOf(onRoom);
    if (index >= 0) this.#members.splice(index, 1);
  }

  /** Takes a run on for the next turn, which will take `takesMs`. */
  add(make: MakeRun, takesMs: number): void {
    if (this.#due.length === 0) setImmediate(this.#run);
    this.#due.push(make);
    this.#takenMs += takesMs;
  }

  /**
   * Makes all runs that are due, and only then hands out what they gave: between two runs the way of an answer to its
   * caller would push the model out of the processor's caches, and a small model's run takes thrice as long without them.
   */
  readonly #run = (): void => {
    const wasFull = this.isFull;
    const settled = this.#due.map((make) => make());
    this.#due = [];
    this.#takenMs = 0;
    for (const settle of settled) settle();
    if (wasFull) this.#tellRoom();
  };

  /** Before more calls come in, and another first each time: a model that many call could fill every turn. */
  #tellRoom(): void {
    this.#members.push(...this.#members.splice(0, 1));
    for (const onRoom of [...this.#members]) onRoom();
  }
}

/** Of this thread. */
export const nearTurn = new NearTurn();
