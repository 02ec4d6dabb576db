/** An event in hand, as the gate sees it. */
export interface GatedEvent {
  /** In the stream. */
  readonly sequence: number;
  /** Of the consumer: each delivery has the next one, whether it arrives or not. */
  readonly delivery: number;
  /** Its acknowledgement is on the way: the server may count it or not. */
  readonly isAcking: boolean;
}

/** What the server says of the consumer. */
export interface ConsumerState {
  /** Events delivered and not acknowledged. */
  readonly pending: number;
  /** Number of the last delivery. */
  readonly delivered: number;
}

/**
 * Keeps events in the stream's order where some were delivered to nobody: those of a consumer that was killed, and those
 * lost with a connection, come again only when their time is over, and later events would pass them by.
 *
 * It is shut at first and wherever a delivery is missing. Events then wait, until all that the server holds for
 * acknowledged later are in hand.
 *
 *     delivered  1 2 3 | connection lost: 4 5 | 6 7 wait | 4 5 again | 4 5 6 7 go on
 */
export class OrderGate<Event extends GatedEvent> {
  #waiting: Event[] = [];
  #isShut = true;
  #lastDelivery = 0;

  get isShut(): boolean {
    return this.#isShut;
  }

  /** Takes note of a delivery, of an event that is in hand already too: the next one follows on it, or some are missing. */
  note(delivery: number): void {
    if (delivery !== this.#lastDelivery + 1) this.#isShut = true;
    this.#lastDelivery = delivery;
  }

  /** @returns the events that may go on, in order: this one, or none yet */
  pass(event: Event): readonly Event[] {
    if (!this.#isShut) return [event];
    this.#waiting.push(event);
    return [];
  }

  /**
   * Opens the gate where all that the server has delivered is in hand.
   * @param held when `state` has come: all in hand, those that wait too
   * @returns the events that may go on, in order
   */
  settle(state: ConsumerState, held: Iterable<Event>): readonly Event[] {
    // Later deliveries are new events, or in hand: the state knows nothing of them.
    const known = [...held].filter(({ delivery, isAcking }) => !isAcking && delivery <= state.delivered);
    if (known.length < state.pending) return [];
    const ready = this.#waiting.sort((a, b) => a.sequence - b.sequence);
    this.#waiting = [];
    this.#isShut = false;
    return ready;
  }
}
