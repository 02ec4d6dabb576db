import { randomUUID } from "node:crypto";
import { type MessageConsumerMetadata, ProduceAcks, Producer, stringSerializer } from "@platformatic/kafka";
import type { Publication } from "./broker.js";
import { closeQuietly, type KafkaClientOptions } from "./kafka-access.js";
import type { KafkaDelivery, KafkaMessage } from "./kafka-delivery.js";
import { recordBytes } from "./prediction-event.js";

type EventProducer = Producer<string, Buffer, string, string>;
/** What a transaction is open for at most: the broker ends that of a bridge that is dead. */
const TRANSACTION_MS = 10_000;
/** Of one batch of records; a topic's limit is for a batch, and a record alone may be longer. */
const BATCH_BYTES = 500_000;

/** Stores what came of events together with their offsets: all of it, or nothing. */
export class KafkaTransactions {
  readonly #options: KafkaClientOptions;
  #producer: EventProducer | undefined;

  constructor(options: KafkaClientOptions) {
    this.#options = options;
  }

  /**
   * Stores events that are settled.
   * @param membership by which the group knows who may store their offsets
   * @throws Error where nothing is stored, or nobody knows: then the group's offsets say it, once they are stable
   */
  async store(events: readonly KafkaDelivery[], membership: MessageConsumerMetadata): Promise<void> {
    const producer = this.#producer ?? this.#create();
    try {
      const transaction = await producer.beginTransaction({ idempotent: true });
      try {
        for (const batch of batches(events.map(({ publication }) => publication!)))
          await transaction.send({ messages: batch.map(toMessage), acks: ProduceAcks.ALL });
        await transaction.addConsumer({ groupId: membership.groupId } as Parameters<typeof transaction.addConsumer>[0]);
        // One after the other: the client takes calls that are open at the same time for one.
        for (const { message } of lastOfPartitions(events)) {
          const marked: KafkaMessage = { ...message, metadata: { consumer: membership } };
          await transaction.addOffset(marked);
        }
      } catch (error) {
        await transaction.abort().catch(() => {});
        throw error;
      }
      await transaction.commit();
    } catch (error) {
      // Of its state nobody is sure; another one begins with nothing open.
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer) await closeQuietly(producer);
  }

  #create(): EventProducer {
    this.#producer = new Producer({
      ...this.#options,
      timeout: TRANSACTION_MS,
      idempotent: true,
      // A name of its own for each: the group's generations fence off who is not a member any longer.
      transactionalId: `${this.#options.clientId}-${randomUUID()}`,
      serializers: { key: stringSerializer, headerKey: stringSerializer, headerValue: stringSerializer },
    });
    return this.#producer;
  }
}

function toMessage({ to, key, headers, body }: Publication) {
  const value = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return { topic: to, value, headers: { ...headers }, ...(key !== undefined && { key }) };
}

function* batches(publications: readonly Publication[]): Generator<Publication[]> {
  let batch: Publication[] = [];
  let bytes = 0;
  for (const publication of publications) {
    const more = recordBytes(publication);
    if (batch.length > 0 && bytes + more > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(publication);
    bytes += more;
  }
  if (batch.length > 0) yield batch;
}

function lastOfPartitions(events: readonly KafkaDelivery[]): KafkaDelivery[] {
  return [...new Map(events.map((event) => [event.partition, event])).values()];
}
