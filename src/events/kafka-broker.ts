import { setTimeout as delay } from "node:timers/promises";
import { Admin, ConfigResourceTypes } from "@platformatic/kafka";
import type {
  Delivery,
  EventBroker,
  EventSource,
  Publication,
  Replay,
  ReplayStart,
  SubscribeOptions,
} from "./broker.js";
import { EventError } from "./event-error.js";
import { type KafkaAccess, type KafkaClientOptions, kafkaOptions } from "./kafka-access.js";
import { KafkaDelivery } from "./kafka-delivery.js";
import {
  earliestOffsets,
  latestOffsets,
  offsetsAt,
  type PartitionOffsets,
  storedOffsets,
  type TopicPartitions,
} from "./kafka-offsets.js";
import { KafkaSubscription, type KafkaSubscriptionOptions } from "./kafka-subscription.js";
import { recordBytes } from "./prediction-event.js";
import { boundRange } from "./replay-range.js";

const AGAIN_MS = 1000;
const SESSION_MS = 10_000;
/** A topic's `max.message.bytes` where it isn't told: Kafka's default, less what is around a batch's only record. */
const MAX_BYTES = 2 ** 20 - 100;

/** A Kafka. Topics have to be there; a consumer group remembers by its name what is done. */
export class KafkaBroker implements EventBroker {
  readonly attributePrefix = "ce_";
  readonly #clients: KafkaClientOptions;
  readonly #admin: Admin;
  readonly #onProblem: (error: Error) => void;
  readonly #subscriptions: KafkaSubscription[] = [];
  /** Longest records by topic. */
  readonly #limits = new Map<string, number>();

  private constructor(clients: KafkaClientOptions, onProblem: (error: Error) => void) {
    this.#clients = clients;
    this.#admin = new Admin({ ...clients });
    this.#onProblem = onProblem;
  }

  /**
   * Connects, and waits for a broker that isn't there yet.
   * @throws Error where the credentials can't be read
   */
  static async connect(access: KafkaAccess, onProblem: (error: Error) => void): Promise<KafkaBroker> {
    const broker = new KafkaBroker(kafkaOptions(access), onProblem);
    for (;;) {
      try {
        await broker.#admin.metadata({ topics: [] });
        return broker;
      } catch (error) {
        onProblem(new Error(`${access.brokers}: ${(error as Error).message}`));
        await delay(AGAIN_MS);
      }
    }
  }

  get maxBytes(): number {
    return Math.max(MAX_BYTES, ...this.#limits.values());
  }

  get isConnected(): boolean {
    return this.#subscriptions.every(({ isJoined }) => isJoined);
  }

  async checkPlaces(topics: readonly string[]): Promise<void> {
    for (const topic of topics) await this.#partitions(topic);
    await this.#readLimits(topics);
  }

  async subscribe(source: EventSource, { maxInFlight }: SubscribeOptions): Promise<KafkaSubscription> {
    await this.#partitions(source.subject);
    return this.#open(source, { maxInFlight });
  }

  async replay(source: EventSource, start: ReplayStart, { maxInFlight }: SubscribeOptions): Promise<Replay> {
    if (start.firstSequence !== undefined || start.lastSequence !== undefined)
      throw new Error("a topic of Kafka has no sequence over all partitions: give the range by time");
    const of = { topic: source.subject, partitions: await this.#partitions(source.subject) };
    const [begins, ends] = await this.#range(of, start);
    const done = await storedOffsets(this.#admin, source.durable, of);
    const left = [...ends].map(([partition, end]) => Number(end - (done.get(partition) ?? begins.get(partition)!)));
    const subscription = this.#open(source, { maxInFlight, begins, ends });
    const range = { isInside: () => true, isDone: async () => subscription.isThrough };
    return {
      total: left.reduce((sum, count) => sum + Math.max(0, count), 0),
      subscription: boundRange(subscription, range),
    };
  }

  async forget({ durable }: EventSource): Promise<void> {
    const groups = await this.#admin.listGroups();
    if (groups.has(durable)) await this.#admin.deleteGroups({ groups: [durable] });
  }

  async publish(publication: Publication, cause: Delivery): Promise<void> {
    if (!(cause instanceof KafkaDelivery)) throw new Error(`${cause.from} ${cause.position}: not of this broker`);
    const bytes = recordBytes(publication);
    const limit = this.#limits.get(publication.to) ?? MAX_BYTES;
    if (bytes > limit)
      throw new EventError("TOO_LARGE", `the topic ${publication.to} takes no record of ${bytes} bytes`);
    await cause.settle(publication);
  }

  async close(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.close()));
    await this.#admin.close().catch(() => {});
  }

  #open(
    { subject, durable, ackWaitMs }: EventSource,
    options: Pick<KafkaSubscriptionOptions, "maxInFlight" | "begins" | "ends">,
  ): KafkaSubscription {
    const subscription = new KafkaSubscription({
      ...options,
      clients: this.#clients,
      admin: this.#admin,
      topic: subject,
      group: durable,
      sessionMs: ackWaitMs ?? SESSION_MS,
      onProblem: this.#onProblem,
    });
    this.#subscriptions.push(subscription);
    return subscription;
  }

  /** @throws Error where there is no such topic */
  async #partitions(topic: string): Promise<number[]> {
    const { topics } = await this.#admin.metadata({ topics: [topic], forceUpdate: true }).catch((error) => {
      if (/^Unknown topic/.test(error.message)) throw new Error(`Kafka has no topic ${topic}: make it first`);
      throw error;
    });
    return Array.from({ length: topics.get(topic)!.partitionsCount }, (_, index) => index);
  }

  async #range(of: TopicPartitions, { since, until }: ReplayStart): Promise<[PartitionOffsets, PartitionOffsets]> {
    const admin = this.#admin;
    return Promise.all([
      since ? offsetsAt(admin, of, since) : earliestOffsets(admin, of),
      until ? offsetsAt(admin, of, until) : latestOffsets(admin, of),
    ]);
  }

  /** Who may not ask gets the usual limit. */
  async #readLimits(topics: readonly string[]): Promise<void> {
    const resourceType = ConfigResourceTypes.TOPIC;
    const configurationKeys = ["max.message.bytes"];
    const resources = topics.map((resourceName) => ({ resourceType, resourceName, configurationKeys }));
    const found = await this.#admin.describeConfigs({ resources }).catch((error) => {
      this.#onProblem(error);
      return [];
    });
    for (const { resourceName, configs } of found) {
      const bytes = Number(configs.find(({ name }) => name === "max.message.bytes")?.value);
      if (bytes > 0) this.#limits.set(resourceName, bytes);
    }
  }
}
