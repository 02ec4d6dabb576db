import type { Message } from "@platformatic/kafka";
import { type Delivery, LostError, type Publication } from "./broker.js";
import type { LedgerEvent } from "./offset-ledger.js";

/** A record of Kafka as it is read here. */
export type KafkaMessage = Message<string, Buffer, string, string>;

/** Who keeps deliveries. */
export interface DeliveryKeeper {
  /** What came of an event may be stored. */
  settled(): void;
  /** An event shall come again. */
  returned(delivery: KafkaDelivery, delayMs: number): void;
}

/** An event in hand. It is stored with what came of it, or lost to another consumer. */
export class KafkaDelivery implements Delivery, LedgerEvent {
  readonly message: KafkaMessage;
  readonly from: string;
  readonly position: string;
  readonly partition: number;
  readonly storedMs: number;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly #keeper: DeliveryKeeper;
  #publication: Publication | undefined;
  #isLost = false;
  #resolve = () => {};
  #reject = (_: LostError) => {};

  constructor(message: KafkaMessage, keeper: DeliveryKeeper) {
    this.message = message;
    this.#keeper = keeper;
    this.from = message.topic;
    this.partition = message.partition;
    this.position = `${message.partition}/${message.offset}`;
    this.storedMs = Number(message.timestamp);
    this.key = message.key ?? undefined;
    this.headers = Object.fromEntries([...message.headers].map(([name, value]) => [name.toLowerCase(), value ?? ""]));
    // A tombstone has none.
    this.body = message.value ?? new Uint8Array();
  }

  get isSettled(): boolean {
    return this.#publication !== undefined;
  }

  /** What is stored with it; undefined while it is not settled. */
  get publication(): Publication | undefined {
    return this.#publication;
  }

  /**
   * Resolves once the record and the event's offset are stored as one.
   * @throws LostError where neither is
   */
  async settle(publication: Publication): Promise<void> {
    if (this.#isLost) throw new LostError(this);
    const stored = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#publication = publication;
    this.#keeper.settled();
    await stored;
  }

  stored(): void {
    this.#resolve();
  }

  lose(): void {
    this.#isLost = true;
    this.#reject(new LostError(this));
  }

  /** Its offset was stored with what came of it. */
  async ack(): Promise<void> {}

  nak(delayMs: number): void {
    if (!this.#isLost) this.#keeper.returned(this, delayMs);
  }
}
