/** How far a long work is, on one line of stderr that is written over; only on a terminal. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  #shown = "";

  /** @param what has happened to each of the items: `compared` */
  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  /** @param note what it is at: `stage 3` */
  show(done: number, note = ""): void {
    if (!process.stderr.isTTY) return;
    const text = `${this.#what} ${done} of ${this.#total}${note === "" ? "" : `, ${note}`}`;
    process.stderr.write(`\r${text.padEnd(this.#shown.length)}`);
    this.#shown = text;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown !== "") process.stderr.write(`\r${" ".repeat(this.#shown.length)}\r`);
    this.#shown = "";
  }
}
