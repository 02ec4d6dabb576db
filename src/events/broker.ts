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

/** What is published. */
export interface Publication extends BrokerRecord {
  /** Subject or topic. */
  readonly to: string;
  /** Of all that is published under one id, one stays: JetStream's message id. */
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
   * @throws EventError TOO_LARGE where the place it goes to takes no record of that length
   * @throws Error where it isn't known whether it is stored: published again under the same id it is stored once
   */
  publish(publication: Publication): Promise<void>;
  close(): Promise<void>;
}

/** How a bridge takes events. */
export interface SubscribeOptions {
  /** Events that are not acknowledged, at most. */
  readonly maxInFlight: number;
  /** Events come in the stream's order also after something was killed. One subscriber may be there then. */
  readonly isOrdered: boolean;
}
