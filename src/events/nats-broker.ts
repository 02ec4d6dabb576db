import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { connect, headers as createHeaders, type NatsConnection, nanos } from "@nats-io/transport-node";
import type { EventBroker, EventSource, Publication, Replay, ReplayStart, SubscribeOptions } from "./broker.js";
import { EventError } from "./event-error.js";
import { type NatsAccess, natsOptions } from "./nats-access.js";
import { NatsSubscription } from "./nats-subscription.js";
import { boundRange, type ReplayRange } from "./replay-range.js";

/** Events of a stream, and the durable consumer that remembers which are done. */
interface NatsSource extends EventSource {
  readonly stream: string;
  /** Where a consumer begins that isn't there yet. @default the stream's first event */
  readonly begin?: ReplayStart | undefined;
}

const ACK_WAIT_MS = 10_000;
const PUBLISH_TIMEOUT_MS = 5000;
/** JetStream's code where a record is longer than the stream's own limit. */
const STREAM_TAKES_LESS = 10_054;

/** A NATS with JetStream. Streams have to be there; consumers are made. */
export class NatsBroker implements EventBroker {
  readonly attributePrefix = "ce-";
  readonly #connection: NatsConnection;
  readonly #jetstream: JetStreamClient;
  readonly #onProblem: (error: Error) => void;
  readonly #subscriptions: NatsSubscription[] = [];
  #isConnected = true;

  private constructor(connection: NatsConnection, onProblem: (error: Error) => void) {
    this.#connection = connection;
    this.#jetstream = jetstream(connection);
    this.#onProblem = onProblem;
    void this.#watch();
  }

  /**
   * Connects, and waits for a server that isn't there yet.
   * @throws Error where the credentials can't be read
   */
  static async connect(access: NatsAccess, onProblem: (error: Error) => void): Promise<NatsBroker> {
    return new NatsBroker(await connect(natsOptions(access)), onProblem);
  }

  get maxBytes(): number {
    return this.#connection.info?.max_payload ?? 2 ** 20;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  async checkPlaces(subjects: readonly string[]): Promise<void> {
    const manager = await this.manager();
    for (const subject of subjects) {
      await manager.streams.find(subject).catch((error) => {
        if (codeOf(error) === JetStreamApiCodes.StreamNotFound)
          throw new Error(`NATS has no stream with ${subject}: make it first`);
        // Who may not ask finds out when publishing.
        this.#onProblem(error);
      });
    }
  }

  /**
   * Takes events by a durable consumer, which is made where it isn't there.
   * @throws Error where there is no such stream
   */
  subscribe(source: EventSource, options: SubscribeOptions): Promise<NatsSubscription> {
    return this.#subscribe(inStream(source), options);
  }

  async replay(source: EventSource, start: ReplayStart, options: SubscribeOptions): Promise<Replay> {
    const begun = { ...inStream(source), begin: start };
    const subscription = await this.#subscribe(begun, options);
    const { total, ...range } = await this.#rangeOf(begun, start, subscription);
    return { total, subscription: boundRange(subscription, range) };
  }

  async #subscribe(source: NatsSource, { maxInFlight, isOrdered }: SubscribeOptions): Promise<NatsSubscription> {
    const ackWaitMs = source.ackWaitMs ?? ACK_WAIT_MS;
    await ensureConsumer(await this.manager(), source, { maxInFlight, ackWaitMs });
    const consumer = await this.#jetstream.consumers.get(source.stream, source.durable);
    const options = { maxInFlight, isOrdered, ackWaitMs, onProblem: this.#onProblem };
    const subscription = new NatsSubscription(consumer, options);
    this.#subscriptions.push(subscription);
    return subscription;
  }

  /** Takes a consumer away, if it is there. */
  async forget(source: EventSource): Promise<void> {
    const { stream, durable } = inStream(source);
    const manager = await this.manager();
    await manager.consumers.delete(stream, durable).catch((error) => {
      if (codeOf(error) !== JetStreamApiCodes.ConsumerNotFound) throw error;
    });
  }

  /** The range of a stream up to what is in it now, and what of it its consumer has not done. */
  async #rangeOf(
    { stream, durable }: NatsSource,
    { lastSequence, until }: ReplayStart,
    subscription: NatsSubscription,
  ): Promise<ReplayRange & Pick<Replay, "total">> {
    const manager = await this.manager();
    const { state } = await manager.streams.info(stream);
    const consumer = await manager.consumers.info(stream, durable);
    const last = Math.min(lastSequence ?? Number.POSITIVE_INFINITY, state.last_seq);
    // Of other subjects in between nobody knows how many there are.
    const left = Math.max(0, last - Math.max(consumer.ack_floor.stream_seq, state.first_seq - 1));
    return {
      total: Math.min(left, consumer.num_pending + consumer.num_ack_pending),
      isInside: ({ position, storedMs }) => Number(position) <= last && (!until || storedMs < until.getTime()),
      isDone: async (beyond) => {
        const counts = await subscription.counts().catch(() => undefined);
        // Once an event beyond has come, all before it have come too; those that a killed replay had are unacknowledged.
        return counts !== undefined && (counts.waiting === 0 || beyond > 0) && counts.unacknowledged <= beyond;
      },
    };
  }

  async publish({ to, id, headers, body }: Publication): Promise<void> {
    const written = createHeaders();
    for (const [name, value] of Object.entries(headers)) {
      // Of a dead letter: NATS' own headers would be told to the server anew.
      if (!name.startsWith("nats-")) written.set(name, value);
    }
    const options = { msgID: id, headers: written, timeout: PUBLISH_TIMEOUT_MS };
    await this.#jetstream.publish(to, body, options).catch((error) => {
      if (codeOf(error) !== STREAM_TAKES_LESS) throw error;
      throw new EventError("TOO_LARGE", `the stream of ${to} takes no record of ${body.length} bytes`);
    });
  }

  private manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.#connection);
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.close();
    // Acknowledgements that are on their way go out; a server that is not there is not waited for.
    if (this.#isConnected) await this.#connection.drain().catch(() => {});
    else await this.#connection.close();
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === "disconnect") {
        this.#isConnected = false;
        this.#onProblem(new Error("the connection to NATS is lost"));
      }
      if (type === "reconnect") this.#isConnected = true;
    }
  }
}

async function ensureConsumer(
  manager: JetStreamManager,
  { stream, subject, durable, begin }: NatsSource,
  { maxInFlight, ackWaitMs }: { readonly maxInFlight: number; readonly ackWaitMs: number },
): Promise<void> {
  const config = { filter_subject: subject, max_ack_pending: maxInFlight, ack_wait: nanos(ackWaitMs), max_deliver: -1 };
  try {
    await manager.consumers.info(stream, durable);
    await manager.consumers.update(stream, durable, config);
  } catch (error) {
    if (codeOf(error) === JetStreamApiCodes.StreamNotFound)
      throw new Error(`NATS has no stream ${stream}: make it first, with the subject ${subject}`);
    if (codeOf(error) !== JetStreamApiCodes.ConsumerNotFound) throw error;
    const fixed = { durable_name: durable, ack_policy: AckPolicy.Explicit, ...beginOf(begin) };
    await manager.consumers.add(stream, { ...config, ...fixed });
  }
}

function beginOf({ firstSequence, since }: ReplayStart = {}): Partial<ConsumerConfig> {
  if (since) return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since.toISOString() };
  if (firstSequence === undefined) return { deliver_policy: DeliverPolicy.All };
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: firstSequence };
}

/** @throws Error where no stream is named */
function inStream({ stream, ...source }: EventSource): NatsSource {
  if (stream === undefined) throw new Error("events of NATS are in a stream: name it with --stream");
  return { ...source, stream };
}

function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}
