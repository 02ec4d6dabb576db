/** Runs what is of one key in order, and what is of different keys side by side. */
export class Lanes {
  /** The last work of each key that has some. */
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * @param key undefined: in any order
   * @returns what `work` comes to
   */
  run<Value>(key: string | undefined, work: () => Promise<Value>): Promise<Value> {
    if (key === undefined) return work();
    const made = (this.#tails.get(key) ?? Promise.resolve()).then(work);
    const leave = () => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail = made.then(leave, leave);
    this.#tails.set(key, tail);
    return made;
  }
}
