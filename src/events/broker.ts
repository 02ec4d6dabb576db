/** What flows through a broker: bytes with headers, at a place of it. */
export interface BrokerRecord {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** An event that a broker gave us and that is ours until it is acknowledged or given back. */
export interface Delivery extends BrokerRecord {
  /** Place that it came from: a subject of NATS, a topic of Kafka. */
  readonly from: string;
  /** Where it stands there, and nothing else does: NATS' stream sequence, Kafka's `partition/offset`. */
  readonly position: string;
  /** When the broker stored it, in epoch milliseconds. */
  readonly storedMs: number;
  /** The broker's own key; Kafka's has one. */
  readonly key?: string | undefined;
  /**
   * Says that all is done with it. Where this is lost, the event comes again.
   * @throws Error where the broker can't be reached
   */
  ack(): Promise<void>;
  /** Gives it back, to be delivered again after a while. Kafka's adapter gives it to this consumer again. */
  nak(delayMs: number): void;
}

/** Thrown where an event in hand has gone to another consumer, or will come again: what came of it is not stored. */
export class LostError extends Error {
  override readonly name = "LostError";

  constructor({ from, position }: Pick<Delivery, "from" | "position">) {
    super(`${from} ${position} is no longer ours`);
  }
}

/** What is published. */
export interface Publication extends BrokerRecord {
  /** Subject or topic. */
  readonly to: string;
  /** Of all that is published under one id, one stays: JetStream's message id. Kafka stores it with its cause instead. */
  readonly id: string;
  /** What is of one key stays in order: Kafka's record key. NATS keeps all in order. */
  readonly key?: string | undefined;
}

/** A flow of events to us. */
export interface Subscription {
  /**
   * Events in the broker's order, no more of them unacknowledged than was asked for. Those that are redelivered while they
   * are in hand are not given out twice. Until an event is acknowledged the broker is told that it is being worked on.
   * Ends when the subscription is stopped; survives a broker that goes and comes.
   */
  readonly deliveries: AsyncIterable<Delivery>;
  /**
   * Events that wait for us, those in hand not counted.
   * @throws Error where the broker can't be reached
   */
  lag(): Promise<number>;
  /** No more events come; those in hand can still be acknowledged. */
  stop(): void;
}

/** A connection to a broker: NATS JetStream or Kafka. Its adapters check what they are given and are told of no events' content. */
export interface Broker {
  /** The longest record, headers included, that it takes. */
  readonly maxBytes: number;
  /** What the headers of CloudEvents' attributes begin with: `ce-` for NATS, `ce_` for Kafka. */
  readonly attributePrefix: string;
  /** Whether it is connected, for a probe. */
  readonly isConnected: boolean;
  /**
   * Resolves once the record is stored.
   * @param cause event that it comes of, in hand: Kafka stores both as one
   * @throws EventError TOO_LARGE where the place it goes to takes no record of that length
   * @throws LostError where the event is no longer ours, and the record is not stored
   * @throws Error where it isn't known whether it is stored: published again under the same id it is stored once
   */
  publish(publication: Publication, cause: Delivery): Promise<void>;
  close(): Promise<void>;
}

/** Events at a broker, and what there remembers which of them are done. */
export interface EventSource {
  /** Stream of NATS; Kafka has none. */
  readonly stream?: string | undefined;
  /** Subject in the stream, or topic. */
  readonly subject: string;
  /** Name of the durable consumer, or of the consumer group. */
  readonly durable: string;
  /** After so long without a word of ours the broker gives events to whoever asks. @default 10 seconds */
  readonly ackWaitMs?: number;
}

/** Part of a source that is replayed, where nothing of it is done yet. */
export interface ReplayStart {
  readonly firstSequence?: number | undefined;
  readonly lastSequence?: number | undefined;
  /** Events stored at that time or later. */
  readonly since?: Date | undefined;
  /** Events stored before it. */
  readonly until?: Date | undefined;
}

/** What of a range is still to be done. */
export interface Replay {
  readonly subscription: RangeSubscription;
  /** Events at most, for progress. */
  readonly total: number;
}

/** A flow that ends with its range. */
export interface RangeSubscription extends Subscription {
  /** Whether everything in the range has been acknowledged. */
  readonly isComplete: boolean;
}

/** A broker as commands use it. */
export interface EventBroker extends Broker {
  /**
   * Says where predictions would go nowhere.
   * @throws Error where no stream holds one of the subjects, or there is no such topic
   */
  checkPlaces(places: readonly string[]): Promise<void>;
  /**
   * Takes events, beginning where it ended the last time.
   * @throws Error where there is no such place
   */
  subscribe(source: EventSource, options: SubscribeOptions): Promise<Subscription>;
  /**
   * Takes events up to the range's end as it is now.
   * @throws Error where there is no such place, or it has no such ranges
   */
  replay(source: EventSource, start: ReplayStart, options: SubscribeOptions): Promise<Replay>;
  /** Forgets what is done: events begin anew. */
  forget(source: EventSource): Promise<void>;
}

/** How a bridge takes events. */
export interface SubscribeOptions {
  /** Events that are not acknowledged, at most. */
  readonly maxInFlight: number;
  /** Events come in the stream's order also after something was killed. One subscriber may be there then. */
  readonly isOrdered: boolean;
}
