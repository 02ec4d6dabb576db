import type { Delivery } from "./broker.js";

/** Deliveries on their way from a subscription to who takes them, in their order. */
export class DeliveryQueue<Event extends Delivery> implements AsyncIterable<Event> {
  readonly #ready: Event[] = [];
  #isStopped = false;
  #wake = () => {};

  get isStopped(): boolean {
    return this.#isStopped;
  }

  push(...events: readonly Event[]): void {
    this.#ready.push(...events);
    this.#wake();
  }

  /** Drops what nobody has taken. */
  clear(): void {
    this.#ready.length = 0;
  }

  /** Nothing more is given out. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event> {
    while (!this.#isStopped) {
      const next = this.#ready.shift();
      if (next) yield next;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
