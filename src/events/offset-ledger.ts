/** An event in hand, as the ledger sees it. */
export interface LedgerEvent {
  readonly partition: number;
  /** What came of it is there, and may be stored. */
  readonly isSettled: boolean;
}

/**
 * Events in hand, by partition in their order. A group's offset says that all before it is done: an event is taken out once
 * it is settled, and so is all before it in its partition.
 *
 *     in hand 4 5 6 7 | settled 5 6: none goes | settled 4: 4 5 6 go
 */
export class OffsetLedger<Event extends LedgerEvent> {
  readonly #partitions = new Map<number, Event[]>();

  /** Adds the next event of its partition. */
  add(event: Event): void {
    const events = this.#partitions.get(event.partition);
    if (events) events.push(event);
    else this.#partitions.set(event.partition, [event]);
  }

  /**
   * Takes out events whose turn it is.
   * @param limit so many at most
   */
  takeSettled(limit: number): Event[] {
    const taken: Event[] = [];
    for (const events of this.#partitions.values()) {
      const open = events.findIndex(({ isSettled }) => !isSettled);
      const count = Math.min(open === -1 ? events.length : open, limit - taken.length);
      taken.push(...events.splice(0, count));
    }
    return taken;
  }

  /** Takes out an event and all after it in its partition; none where it is not in the ledger. */
  cut(event: Event): Event[] {
    const events = this.#partitions.get(event.partition) ?? [];
    const at = events.indexOf(event);
    return at === -1 ? [] : events.splice(at);
  }

  /** Takes out all. */
  clear(): Event[] {
    const events = [...this.#partitions.values()].flat();
    this.#partitions.clear();
    return events;
  }
}
