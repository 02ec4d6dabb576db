import { setTimeout as delay } from "node:timers/promises";
import { Admin, MessagesStreamModes, Producer, stringDeserializer, stringSerializer } from "@platformatic/kafka";
import { CommittedConsumer } from "../../src/events/kafka-committed.js";
import { KafkaServer } from "../support/kafka-server.js";
import type { EventPlace, Out, StoredRecord, TestBroker, TestEvent } from "./event-place.js";

const PARTITIONS = 4;
const AT_ONCE = 500;
/** The broker's number. */
const NODE = 1;
const OUTS: readonly Out[] = ["scored", "dead", "again"];

/** A Kafka whose places are four topics of four partitions each. Events of one `partitionkey` are in one partition. */
export class KafkaBrokerOfTests implements TestBroker {
  readonly #server: KafkaServer;
  #opened = 0;

  private constructor(server: KafkaServer) {
    this.#server = server;
  }

  static async start(): Promise<KafkaBrokerOfTests> {
    return new KafkaBrokerOfTests(await KafkaServer.start());
  }

  async open(): Promise<KafkaPlace> {
    const { address } = this.#server;
    const place = new KafkaPlace(address, `place-${++this.#opened}`);
    const admin = adminOf(address);
    await admin.createTopics({ topics: [...place.topics], partitions: PARTITIONS, replicas: 1 });
    await admin.close();
    place.open();
    return place;
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  raise(): Promise<void> {
    return this.#server.raise();
  }

  remove(): Promise<void> {
    return this.#server.remove();
  }
}

export class KafkaPlace implements EventPlace {
  readonly #address: string;
  readonly #name: string;
  readonly #records: StoredRecord[] = [];
  readonly #offsets = new Map<string, bigint>();
  #isClosed = false;
  #reader: CommittedConsumer | undefined;
  #reading: Promise<void> | undefined;

  constructor(address: string, name: string) {
    this.#address = address;
    this.#name = name;
  }

  get topics(): readonly string[] {
    return [this.#in, ...OUTS.map((out) => this.nameOf(out))];
  }

  /** Begins to read what comes out. */
  open(): void {
    this.#reading = this.#read();
  }

  get #in(): string {
    return `${this.#name}.in`;
  }

  get source(): readonly string[] {
    // A group of its own: members that are killed are waited for.
    return ["--servers", `kafka://${this.#address}`, "--subject", this.#in, "--name", this.#name];
  }

  nameOf(out: Out): string {
    return `${this.#name}.${out}`;
  }

  async limitOut(bytes: number): Promise<void> {
    const admin = adminOf(this.#address);
    const configs = [{ name: "max.message.bytes", configOperation: 0 as const, value: String(bytes) }];
    await admin.incrementalAlterConfigs({
      resources: OUTS.map((out) => ({ resourceType: 2, resourceName: this.nameOf(out), configs })),
    });
    await admin.close();
  }

  async publish(events: Iterable<TestEvent>): Promise<void> {
    const producer = this.#producer();
    const messages = [...events].map((event) => toMessage(event, this.#in));
    while (messages.length > 0) await producer.send({ messages: messages.splice(0, AT_ONCE) });
    await producer.close();
  }

  /** Puts events in by a transaction that is given up: nobody shall see them. One record a batch. */
  async abandon(events: Iterable<TestEvent>): Promise<void> {
    const producer = this.#producer(`abandoned-${this.#name}`);
    const transaction = await producer.beginTransaction({ idempotent: true });
    for (const event of events) await transaction.send({ messages: [toMessage(event, this.#in)] });
    await transaction.abort();
    await producer.close();
  }

  /** Where events are put in. */
  get events(): { readonly address: string; readonly topic: string } {
    return { address: this.#address, topic: this.#in };
  }

  /** Stores an offset of a group by a transaction that stays open. @returns what gives it up */
  async holdOffset(groupId: string): Promise<() => Promise<void>> {
    const producer = this.#producer(`held-${this.#name}`);
    const transaction = await producer.beginTransaction({ idempotent: true });
    const consumer = { groupId, memberId: "", generationId: -1, coordinatorId: NODE };
    await transaction.addConsumer(consumer as unknown as Parameters<typeof transaction.addConsumer>[0]);
    const message = { topic: this.#in, partition: 0, offset: 0n, metadata: { consumer } };
    await transaction.addOffset(message as unknown as Parameters<typeof transaction.addOffset>[0]);
    return async () => {
      await transaction.abort();
      await producer.close();
    };
  }

  #producer(transactionalId?: string) {
    return new Producer({
      clientId: "tests",
      bootstrapBrokers: [this.#address],
      idempotent: true,
      ...(transactionalId !== undefined && { transactionalId }),
      serializers: { key: stringSerializer, headerKey: stringSerializer, headerValue: stringSerializer },
    });
  }

  async outCount(): Promise<number | undefined> {
    return this.#records.length;
  }

  async readOut(): Promise<StoredRecord[]> {
    return [...this.#records];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.race([Promise.resolve(this.#reader?.close(true)).catch(() => {}), delay(1000)]);
    await this.#reading;
  }

  /** Reads what is committed, for as long as it is open; again where the broker was away. */
  async #read(): Promise<void> {
    while (!this.#isClosed) {
      await this.#readOnce().catch(() => {});
      await delay(100);
    }
  }

  async #readOnce(): Promise<void> {
    const reader = new CommittedConsumer({
      clientId: "tests",
      bootstrapBrokers: [this.#address],
      groupId: `tests-${Math.random()}`,
      retries: 0,
      autocommit: false,
      deserializers: { key: stringDeserializer, headerKey: stringDeserializer, headerValue: stringDeserializer },
    });
    reader.on("error", () => {});
    this.#reader = reader;
    const topics = OUTS.map((out) => this.nameOf(out));
    const offsets = topics.flatMap((topic) =>
      Array.from({ length: PARTITIONS }, (_, partition) => {
        return { topic, partition, offset: this.#offsets.get(`${topic}/${partition}`) ?? 0n };
      }),
    );
    try {
      const stream = await reader.consume({ topics, mode: MessagesStreamModes.MANUAL, offsets, maxWaitTime: 200 });
      for await (const { topic, partition, offset, headers, key, value } of stream) {
        this.#offsets.set(`${topic}/${partition}`, offset + 1n);
        const named = [...headers].map(([name, text]) => [name.replace(/^ce_/, "ce-"), text]);
        const to = topic.slice(this.#name.length + 1) as Out;
        this.#records.push({ to, headers: Object.fromEntries(named), key, text: value.toString() });
      }
    } finally {
      await Promise.resolve(reader.close(true)).catch(() => {});
    }
  }
}

function adminOf(address: string): Admin {
  return new Admin({ clientId: "tests", bootstrapBrokers: [address] });
}

function toMessage({ body, ...attributes }: TestEvent, topic: string) {
  const headers = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name.replace(/^ce-/, "ce_"), String(value)]),
  );
  const key = attributes["ce-partitionkey"];
  return { topic, value: Buffer.from(body), headers, ...(key !== undefined && { key }) };
}
