import { type JetStreamClient, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection, nanos } from "@nats-io/transport-node";
import { readHeaders } from "../../src/events/nats-subscription.js";
import { NatsServer } from "../support/nats-server.js";
import type { EventPlace, Out, StoredRecord, TestBroker, TestEvent } from "./event-place.js";

const DUPLICATE_WINDOW_MS = 3_600_000;
const STREAMS = ["IN", "OUT"];
const PIPELINED = 500;

/** A NATS that tests start. One place of it is open at a time. */
export class NatsBrokerOfTests implements TestBroker {
  readonly #server: NatsServer;

  private constructor(server: NatsServer) {
    this.#server = server;
  }

  static async start(): Promise<NatsBrokerOfTests> {
    return new NatsBrokerOfTests(await NatsServer.start());
  }

  open(): Promise<NatsPlace> {
    return NatsPlace.open(this.#server.url);
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

/** Two streams of a NATS: IN with `in.>`, OUT with `out.>`. */
export class NatsPlace implements EventPlace {
  readonly #url: string;
  readonly #connection: NatsConnection;
  readonly #jetstream: JetStreamClient;

  private constructor(url: string, connection: NatsConnection) {
    this.#url = url;
    this.#connection = connection;
    this.#jetstream = jetstream(connection);
  }

  static async open(url: string): Promise<NatsPlace> {
    const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    const manager = await jetstreamManager(connection);
    for (const name of STREAMS) {
      await manager.streams.add({
        name,
        subjects: [`${name.toLowerCase()}.>`],
        duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      });
    }
    return new NatsPlace(url, connection);
  }

  get source(): readonly string[] {
    return ["--servers", this.#url, "--stream", "IN", "--subject", "in.created"];
  }

  nameOf(out: Out): string {
    return `out.${out}`;
  }

  async limitOut(bytes: number): Promise<void> {
    const manager = await jetstreamManager(this.#connection);
    await manager.streams.update("OUT", { max_msg_size: bytes });
  }

  async publish(events: Iterable<TestEvent>): Promise<void> {
    const sent: Promise<unknown>[] = [];
    for (const { body, ...attributes } of events) {
      const written = headers();
      for (const [name, value] of Object.entries(attributes)) written.set(name, String(value));
      sent.push(this.#jetstream.publish("in.created", body, { headers: written }));
      if (sent.length >= PIPELINED) await Promise.all(sent.splice(0));
    }
    await Promise.all(sent);
  }

  async outCount(): Promise<number | undefined> {
    const manager = await jetstreamManager(this.#connection).catch(() => undefined);
    return (await manager?.streams.info("OUT").catch(() => undefined))?.state.messages;
  }

  /** Waits until all that a consumer takes is acknowledged: nothing comes of it any more. */
  async acknowledged(consumer: string): Promise<void> {
    const manager = await jetstreamManager(this.#connection);
    const { state } = await manager.streams.info("IN");
    for (;;) {
      const { num_pending, num_ack_pending, delivered } = await manager.consumers.info("IN", consumer);
      // The server counts an event as pending only a while after it has stored it.
      if (num_pending + num_ack_pending === 0 && delivered.stream_seq >= state.last_seq) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

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
    const manager = await jetstreamManager(this.#connection);
    for (const name of STREAMS) await manager.streams.delete(name);
    await this.#connection.close();
  }
}

function toRecord(message: JsMsg): StoredRecord {
  const to = message.subject.slice("out.".length) as Out;
  return { to, headers: readHeaders(message), text: Buffer.from(message.data).toString() };
}
