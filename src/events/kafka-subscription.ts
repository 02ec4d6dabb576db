import { setTimeout as delay } from "node:timers/promises";
import {
  type Admin,
  FetchIsolationLevels,
  type GenericError,
  MessagesStreamModes,
  stringDeserializer,
} from "@platformatic/kafka";
import type { Delivery, Subscription } from "./broker.js";
import { DeliveryQueue } from "./delivery-queue.js";
import { closeQuietly, type KafkaClientOptions } from "./kafka-access.js";
import { CommittedConsumer } from "./kafka-committed.js";
import type { KafkaDelivery } from "./kafka-delivery.js";
import { KafkaGeneration } from "./kafka-generation.js";
import { committedOffsets, earliestOffsets, latestOffsets, type PartitionOffsets } from "./kafka-offsets.js";
import { KafkaTransactions } from "./kafka-transactions.js";

/** How a topic is read. */
export interface KafkaSubscriptionOptions {
  readonly clients: KafkaClientOptions;
  readonly admin: Admin;
  readonly topic: string;
  readonly group: string;
  readonly maxInFlight: number;
  /** After so long without a word of ours the group gives our partitions to others. */
  readonly sessionMs: number;
  /** Where the group begins that has stored no offset. @default the first offsets that there are */
  readonly begins?: PartitionOffsets | undefined;
  /** Where it ends. @default nowhere */
  readonly ends?: PartitionOffsets | undefined;
  /** Told of what went wrong and is tried again. */
  readonly onProblem: (error: Error) => void;
}

/** How long a broken reader waits. */
const AGAIN_MS = 500;
/** Brokers by default refuse shorter ones. */
const MIN_SESSION_MS = 6000;
const HEARTBEATS = 10;
/** How long a broker may wait for the first new record. */
const FETCH_WAIT_MS = 500;
/** Of one answer: what is read ahead is in memory. */
const FETCH_BYTES = 2 ** 20;
/** Of one transaction. */
const MAX_STORED = 1000;

/** A topic as a member of a consumer group reads it, and what stores its offsets with what came of its events. */
export class KafkaSubscription implements Subscription {
  readonly #options: KafkaSubscriptionOptions;
  readonly #transactions: KafkaTransactions;
  readonly #queue = new DeliveryQueue<KafkaDelivery>();
  #generation: KafkaGeneration | undefined;
  /** Of generations begun: one that is overtaken while it begins is not ours. */
  #begun = 0;
  #isStoring = false;
  #isClosed = false;
  #break = (_?: Error) => {};
  readonly #living: Promise<void>;

  constructor(options: KafkaSubscriptionOptions) {
    this.#options = options;
    this.#transactions = new KafkaTransactions(options.clients);
    this.#living = this.#live();
  }

  get deliveries(): AsyncIterable<Delivery> {
    return this.#queue;
  }

  /** Whether it is a member of its group, and reads. */
  get isJoined(): boolean {
    return this.#generation !== undefined;
  }

  /** Of the partitions that are ours. */
  async lag(): Promise<number> {
    const positions = this.#generation?.positions ?? new Map<number, bigint>();
    if (positions.size === 0) return 0;
    const { admin, topic } = this.#options;
    const latest = await latestOffsets(admin, { topic, partitions: [...positions.keys()] });
    const left = [...latest].map(([partition, end]) => Math.max(0, Number(end - positions.get(partition)!)));
    return left.reduce((sum, count) => sum + count, 0);
  }

  /** Whether all before the ends is done. */
  get isThrough(): boolean {
    const generation = this.#generation;
    const ends = [...(this.#options.ends ?? [])];
    return generation !== undefined && ends.every(([partition, end]) => generation.isThrough(partition, end));
  }

  stop(): void {
    this.#queue.stop();
  }

  /** Leaves the group: what is still in hand goes to others. */
  async close(): Promise<void> {
    this.stop();
    this.#isClosed = true;
    this.#break();
    await this.#living;
  }

  /** Joins the group, and again with new clients wherever they break. */
  async #live(): Promise<void> {
    while (!this.#isClosed) {
      const broken = new Promise<Error | undefined>((resolve) => {
        this.#break = resolve;
      });
      const consumer = this.#createConsumer();
      const failed = consumer.joinGroup({}).then(
        () => broken,
        (error: Error) => error,
      );
      const error = await Promise.race([broken, failed]);
      if (error && !this.#isClosed) this.#options.onProblem(error);
      this.#endGeneration();
      await this.#transactions.close();
      await closeQuietly(consumer);
      if (!this.#isClosed) await delay(AGAIN_MS);
    }
  }

  #createConsumer(): CommittedConsumer {
    const { clients, topic, group, sessionMs } = this.#options;
    const sessionTimeout = Math.max(MIN_SESSION_MS, sessionMs);
    const consumer = new CommittedConsumer({
      ...clients,
      groupId: group,
      sessionTimeout,
      rebalanceTimeout: sessionTimeout,
      heartbeatInterval: sessionTimeout / HEARTBEATS,
      autocommit: false,
      deserializers: { key: stringDeserializer, headerKey: stringDeserializer, headerValue: stringDeserializer },
    });
    const fail = this.#break;
    consumer.on("error", (error: Error) => fail(error));
    // The client sends no heartbeat after one that failed, and tells nobody: the group forgets it.
    consumer.on("consumer:heartbeat:error", ({ error }) => fail(error));
    consumer.on("consumer:group:join", () => void this.#begin(consumer));
    // Streams come and go with each generation, and the topic stays.
    consumer.topics.track(topic);
    return consumer;
  }

  /** Reads the partitions that the group has given us from where it stands in them. */
  async #begin(consumer: CommittedConsumer): Promise<void> {
    this.#endGeneration();
    const number = ++this.#begun;
    const isCurrent = () => number === this.#begun && !this.#isClosed;
    const { groupId, memberId, generationId, coordinatorId } = consumer;
    const membership = { groupId, memberId: memberId!, generationId, coordinatorId: coordinatorId! };
    const { topic, ends, maxInFlight } = this.#options;
    const partitions = consumer.assignments?.find((one) => one.topic === topic)?.partitions ?? [];
    try {
      const begins = await this.#begins(partitions);
      if (!isCurrent()) return;
      const stream = await consumer.consume({
        topics: [topic],
        mode: MessagesStreamModes.MANUAL,
        offsets: [...begins].map(([partition, offset]) => ({ topic, partition, offset })),
        isolationLevel: FetchIsolationLevels.READ_COMMITTED,
        highWaterMark: maxInFlight,
        maxBytes: FETCH_BYTES,
        maxWaitTime: FETCH_WAIT_MS,
      });
      if (!isCurrent()) return void stream.destroy();
      const generation = new KafkaGeneration({
        ...{ topic, stream, membership, begins, ends, maxInFlight },
        onEvent: (event) => this.#queue.push(event),
        onSettled: () => void this.#store(),
        onReturned: (delayMs) => {
          setTimeout(() => isCurrent() && !this.#queue.isStopped && void this.#begin(consumer), delayMs).unref();
        },
      });
      this.#generation = generation;
      await generation.run();
    } catch (error) {
      if (isCurrent()) this.#break(error as Error);
    }
  }

  /** Where the group stands: offsets that are no longer there, or not yet, are those of another topic of the same name. */
  async #begins(partitions: readonly number[]): Promise<PartitionOffsets> {
    if (partitions.length === 0) return new Map();
    const { admin, topic, group, begins } = this.#options;
    const of = { topic, partitions };
    const [committed, earliest, latest] = await Promise.all([
      committedOffsets(admin, group, of),
      earliestOffsets(admin, of),
      latestOffsets(admin, of),
    ]);
    return new Map(
      [...earliest].map(([partition, first]) => {
        const stored = committed.get(partition) ?? begins?.get(partition) ?? first;
        return [partition, stored < first || stored > latest.get(partition)! ? first : stored];
      }),
    );
  }

  #endGeneration(): void {
    this.#generation?.end();
    this.#generation = undefined;
    this.#queue.clear();
  }

  /** Stores what is settled, one transaction after the other. */
  async #store(): Promise<void> {
    if (this.#isStoring) return;
    this.#isStoring = true;
    // Those that are settled in the same turn go together.
    await Promise.resolve();
    for (let events = this.#settled(); events.length > 0; events = this.#settled()) await this.#storeOnce(events);
    this.#isStoring = false;
  }

  #settled(): KafkaDelivery[] {
    return this.#generation?.takeSettled(MAX_STORED) ?? [];
  }

  async #storeOnce(events: readonly KafkaDelivery[]): Promise<void> {
    const generation = this.#generation!;
    try {
      await this.#transactions.store(events, generation.membership);
      generation.stored(events);
    } catch (error) {
      for (const event of events) event.lose();
      if (generation !== this.#generation) return;
      // Partitions are being given out anew: the consumer finds out, and joins again.
      if (isRejoin(error)) this.#endGeneration();
      else this.#break(error as Error);
    }
  }
}

function isRejoin(error: unknown): boolean {
  return Boolean((error as Partial<GenericError>).findBy?.("needsRejoin", true));
}
