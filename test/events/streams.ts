import { type JetStreamClient, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection, nanos } from "@nats-io/transport-node";
import { readHeaders } from "../../src/events/nats-subscription.js";

/** A record of a stream, read back. */
export interface StoredRecord {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

const DUPLICATE_WINDOW_MS = 3_600_000;
const PIPELINED = 500;

/** Streams of a test: IN with `in.>`, OUT with `out.>`. */
export class Streams {
  readonly #connection: NatsConnection;
  readonly #jetstream: JetStreamClient;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    this.#jetstream = jetstream(connection);
  }

  static async create(url: string): Promise<Streams> {
    const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    const manager = await jetstreamManager(connection);
    for (const name of ["IN", "OUT"]) {
      await manager.streams.add({
        name,
        subjects: [`${name.toLowerCase()}.>`],
        duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      });
    }
    return new Streams(connection);
  }

  /** From now on OUT takes no longer records than that. */
  async limitOut(bytes: number): Promise<void> {
    const manager = await jetstreamManager(this.#connection);
    await manager.streams.update("OUT", { max_msg_size: bytes });
  }

  /** Publishes event after event, in order. */
  async publish(
    subject: string,
    events: Iterable<Readonly<Record<string, string>> & { readonly body: string | Uint8Array }>,
  ) {
    const sent: Promise<unknown>[] = [];
    for (const { body, ...attributes } of events) {
      const written = headers();
      for (const [name, value] of Object.entries(attributes)) written.set(name, String(value));
      sent.push(this.#jetstream.publish(subject, body, { headers: written }));
      if (sent.length >= PIPELINED) await Promise.all(sent.splice(0));
    }
    await Promise.all(sent);
  }

  /** How many records OUT holds; undefined while the server is away. */
  async outCount(): Promise<number | undefined> {
    const manager = await jetstreamManager(this.#connection).catch(() => undefined);
    return (await manager?.streams.info("OUT").catch(() => undefined))?.state.messages;
  }

  /** Waits until OUT holds so many. */
  async out(count: number): Promise<void> {
    while (((await this.outCount()) ?? 0) < count) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** Waits until all of IN that a consumer takes is acknowledged: nothing comes of it any more. */
  async acknowledged(consumer: string): Promise<void> {
    const manager = await jetstreamManager(this.#connection);
    for (;;) {
      const { num_pending, num_ack_pending } = await manager.consumers.info("IN", consumer);
      if (num_pending + num_ack_pending === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Everything that OUT holds, in its order. */
  async readOut(): Promise<StoredRecord[]> {
    const count = (await this.outCount())!;
    const records: StoredRecord[] = [];
    if (count === 0) return records;
    const consumer = await this.#jetstream.consumers.get("OUT");
    const messages = await consumer.consume({ max_messages: 1000 });
    for await (const message of messages) {
      records.push(toRecord(message));
      if (records.length === count) break;
    }
    return records;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

function toRecord(message: JsMsg): StoredRecord {
  return { subject: message.subject, headers: readHeaders(message), text: Buffer.from(message.data).toString() };
}

/** A request of the scored fleet as an event in binary mode. */
export function scoredEvent(index: number, keys: number) {
  return {
    "ce-specversion": "1.0",
    "ce-id": `e-${index}`,
    "ce-source": "/test",
    "ce-type": "test.created",
    "ce-partitionkey": `key-${index % keys}`,
    "content-type": "application/json",
    body: JSON.stringify({ instances: [{ x: index }] }),
  };
}
