import type { MessageConsumerMetadata, MessagesStream } from "@platformatic/kafka";
import { KafkaDelivery, type KafkaMessage } from "./kafka-delivery.js";
import { OffsetLedger } from "./offset-ledger.js";

/** What a generation of a consumer group works with. */
export interface GenerationOptions {
  readonly topic: string;
  readonly stream: MessagesStream<string, Buffer, string, string>;
  readonly membership: MessageConsumerMetadata;
  /** First offsets, by partition: the partitions that are ours. */
  readonly begins: ReadonlyMap<number, bigint>;
  /** Offsets by partition from which on events are left alone. */
  readonly ends?: ReadonlyMap<number, bigint> | undefined;
  readonly maxInFlight: number;
  readonly onEvent: (delivery: KafkaDelivery) => void;
  readonly onSettled: () => void;
  /** Told of an event that shall come again after a while: reading has to begin anew then. */
  readonly onReturned: (delayMs: number) => void;
}

/** Partitions as one generation of the group has them: from its begin until partitions are given out anew. */
export class KafkaGeneration {
  readonly membership: MessageConsumerMetadata;
  readonly #options: GenerationOptions;
  readonly #ledger = new OffsetLedger<KafkaDelivery>();
  /** The next offset to be taken of each partition. */
  readonly #positions: Map<number, bigint>;
  /** Partitions that nothing more is taken from: an event of theirs was given back. */
  readonly #cut = new Set<number>();
  #inHand = 0;
  #isOver = false;
  #wake = () => {};

  constructor(options: GenerationOptions) {
    this.#options = options;
    this.membership = options.membership;
    this.#positions = new Map(options.begins);
  }

  /** The next offset of each partition. Where nothing is read ahead, what transactions leave behind them is no event. */
  get positions(): ReadonlyMap<number, bigint> {
    const { stream } = this.#options;
    if (stream.readableLength > 0) return this.#positions;
    return new Map([...this.#positions].map(([partition, next]) => [partition, this.#fetched(partition) ?? next]));
  }

  /**
   * Takes events until it is over.
   * @throws Error where the broker can't be read
   */
  async run(): Promise<void> {
    const { stream, maxInFlight } = this.#options;
    try {
      for await (const message of stream) {
        while (this.#inHand >= maxInFlight && !this.#isOver) await this.#freed();
        if (this.#isOver) return;
        this.#take(message);
      }
    } catch (error) {
      if (!this.#isOver) throw error;
    }
  }

  /** Takes out events that can be stored, in their order. */
  takeSettled(limit: number): KafkaDelivery[] {
    return this.#isOver ? [] : this.#ledger.takeSettled(limit);
  }

  /** Events are stored. */
  stored(events: readonly KafkaDelivery[]): void {
    for (const event of events) event.stored();
    this.#free(events.length);
  }

  /** Whether all before an offset has been read and stored. */
  isThrough(partition: number, end: bigint): boolean {
    const fetched = this.#fetched(partition);
    return fetched !== undefined && fetched >= end && this.#options.stream.readableLength === 0 && this.#inHand === 0;
  }

  /** What is in hand is lost: it comes again, to us or to another member of the group. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const event of this.#ledger.clear()) event.lose();
    this.#options.stream.destroy();
    this.#wake();
  }

  /** Offset that is asked for next. */
  #fetched(partition: number): bigint | undefined {
    const { stream, topic } = this.#options;
    return stream.offsetsToFetch.get(`${topic}:${partition}`);
  }

  #take(message: KafkaMessage): void {
    const { partition, offset } = message;
    const end = this.#options.ends?.get(partition);
    if (this.#cut.has(partition) || (end !== undefined && offset >= end)) return;
    this.#positions.set(partition, offset + 1n);
    const delivery: KafkaDelivery = new KafkaDelivery(message, {
      settled: this.#options.onSettled,
      returned: (event, delayMs) => this.#return(event, delayMs),
    });
    this.#ledger.add(delivery);
    this.#inHand += 1;
    this.#options.onEvent(delivery);
  }

  /** Nothing after an event that comes again can be stored before it. */
  #return(event: KafkaDelivery, delayMs: number): void {
    const lost = this.#ledger.cut(event);
    if (lost.length === 0) return;
    this.#cut.add(event.partition);
    for (const one of lost) one.lose();
    this.#free(lost.length);
    this.#options.onReturned(delayMs);
  }

  #free(count: number): void {
    this.#inHand -= count;
    this.#wake();
  }

  #freed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
