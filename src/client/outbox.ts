import type { Messages } from "./call.js";

/** The messages of a source that more than one stream sends, one after another: each is kept until it is answered. */
export class Outbox<Message> {
  readonly #source: Iterator<Message> | AsyncIterator<Message>;
  readonly #maxUnanswered: number;
  /** In their order; the first is the number `#answered`. */
  readonly #unanswered: Message[] = [];
  #answered = 0;
  /** A stream that is lost while it waits for the source leaves what comes to the next one. */
  #coming: Promise<IteratorResult<Message>> | undefined;
  #done = false;
  #turn = 0;
  #wake: () => void = () => {};

  /** @param maxUnanswered messages that are kept; the source is not read beyond them */
  constructor(source: Messages<Message>, maxUnanswered: number) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#maxUnanswered = maxUnanswered;
  }

  /** What one stream sends: first all that is unanswered. What an earlier one may still send is nobody's any more. */
  async *send(): AsyncGenerator<Message, void, undefined> {
    const turn = ++this.#turn;
    this.#wake();
    for (let at = this.#answered; turn === this.#turn; ) {
      const index = at - this.#answered;
      if (index < this.#unanswered.length) {
        at += 1;
        yield this.#unanswered[index]!;
      } else if (this.#done) return;
      else if (this.#unanswered.length >= this.#maxUnanswered) await this.#room();
      else await this.#take(turn);
    }
  }

  /** The first of the unanswered messages has been answered. */
  answered(): void {
    this.#unanswered.shift();
    this.#answered += 1;
    this.#wake();
  }

  /**
   * Waits until there is something to send.
   * @returns false where there will be nothing any more
   */
  async pending(): Promise<boolean> {
    if (this.#unanswered.length === 0 && !this.#done) await this.#take(++this.#turn);
    return this.#unanswered.length > 0;
  }

  /** Lets the source go. */
  async close(): Promise<void> {
    this.#turn += 1;
    this.#wake();
    if (!this.#done && this.#coming === undefined) await this.#source.return?.();
  }

  async #take(turn: number): Promise<void> {
    this.#coming ??= Promise.resolve(this.#source.next());
    const next = await this.#coming;
    if (turn !== this.#turn) return;
    this.#coming = undefined;
    if (next.done) this.#done = true;
    else this.#unanswered.push(next.value);
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
