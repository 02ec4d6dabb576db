import { setTimeout as delay } from "node:timers/promises";
import type { Consumer, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Delivery, Subscription } from "./broker.js";
import { DeliveryQueue } from "./delivery-queue.js";
import { type GatedEvent, OrderGate } from "./order-gate.js";

/** How a consumer is read. */
export interface NatsSubscriptionOptions {
  readonly maxInFlight: number;
  /** After so long without a word of ours the server gives an event to whoever asks. */
  readonly ackWaitMs: number;
  readonly isOrdered: boolean;
  /** Told of what went wrong and is tried again. */
  readonly onProblem: (error: Error) => void;
}

/** How often a shut gate asks the server, and how long a broken reader waits. */
const GATE_MS = 100;
const AGAIN_MS = 500;
const ACK_TIMEOUT_MS = 5000;

/** A JetStream pull consumer as a flow of deliveries. */
export class NatsSubscription implements Subscription {
  readonly #consumer: Consumer;
  readonly #options: NatsSubscriptionOptions;
  /** By the stream's sequence. */
  readonly #held = new Map<number, HeldEvent>();
  readonly #gate: OrderGate<HeldEvent> | undefined;
  readonly #queue = new DeliveryQueue<HeldEvent>();
  readonly #heartbeat: NodeJS.Timeout;
  #messages: ConsumerMessages | undefined;

  constructor(consumer: Consumer, options: NatsSubscriptionOptions) {
    this.#consumer = consumer;
    this.#options = options;
    this.#gate = options.isOrdered ? new OrderGate() : undefined;
    this.#heartbeat = setInterval(() => this.#work(), options.ackWaitMs / 3);
    void this.#read();
    void this.#openGate();
  }

  get deliveries(): AsyncIterable<Delivery> {
    return this.#queue;
  }

  async lag(): Promise<number> {
    return (await this.#consumer.info()).num_pending;
  }

  /**
   * Events that the consumer has not been given yet, and those that it has not acknowledged, whoever has them.
   * @throws Error where the broker can't be reached
   */
  async counts(): Promise<{ waiting: number; unacknowledged: number }> {
    const { num_pending: waiting, num_ack_pending: unacknowledged } = await this.#consumer.info();
    return { waiting, unacknowledged };
  }

  stop(): void {
    this.#queue.stop();
    this.#messages?.stop();
  }

  /** Lets go of everything: what is still in hand is given back. */
  close(): void {
    this.stop();
    clearInterval(this.#heartbeat);
    for (const event of this.#held.values()) if (!event.isAcking) event.nak(0);
  }

  async #read(): Promise<void> {
    while (!this.#queue.isStopped) {
      try {
        this.#messages = await this.#consumer.consume({ max_messages: this.#options.maxInFlight });
        if (this.#queue.isStopped) this.#messages.stop();
        for await (const message of this.#messages) this.#take(message);
      } catch (error) {
        this.#options.onProblem(error as Error);
      }
      if (!this.#queue.isStopped) await delay(AGAIN_MS);
    }
  }

  #take(message: JsMsg): void {
    this.#gate?.note(message.info.deliverySequence);
    const known = this.#held.get(message.seq);
    // Its time was over, or the server has forgotten that it was delivered: it is in work already.
    if (known) {
      known.renew(message);
      return;
    }
    const event = new HeldEvent(message, () => this.#held.delete(message.seq));
    this.#held.set(message.seq, event);
    this.#queue.push(...(this.#gate ? this.#gate.pass(event) : [event]));
  }

  async #openGate(): Promise<void> {
    const gate = this.#gate;
    while (gate && !this.#queue.isStopped) {
      await delay(GATE_MS);
      if (!gate.isShut) continue;
      const state = await this.#consumer.info().catch(() => undefined);
      if (!state) continue;
      const { num_ack_pending: pending, delivered } = state;
      this.#queue.push(...gate.settle({ pending, delivered: delivered.consumer_seq }, this.#held.values()));
    }
  }

  #work(): void {
    for (const event of this.#held.values()) event.work();
  }
}

/** An event in hand. */
class HeldEvent implements Delivery, GatedEvent {
  readonly from: string;
  readonly position: string;
  readonly storedMs: number;
  readonly sequence: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  isAcking = false;
  #message: JsMsg;
  readonly #letGo: () => void;

  constructor(message: JsMsg, letGo: () => void) {
    this.#message = message;
    this.#letGo = letGo;
    this.from = message.subject;
    this.sequence = message.seq;
    this.position = String(message.seq);
    this.storedMs = Math.floor(Number(message.timestampNanos) / 1e6);
    this.headers = readHeaders(message);
    this.body = message.data;
  }

  get delivery(): number {
    return this.#message.info.deliverySequence;
  }

  renew(message: JsMsg): void {
    this.#message = message;
  }

  work(): void {
    if (!this.isAcking) this.#message.working();
  }

  async ack(): Promise<void> {
    this.isAcking = true;
    try {
      await this.#message.ackAck({ timeout: ACK_TIMEOUT_MS });
    } finally {
      this.#letGo();
    }
  }

  nak(delayMs: number): void {
    this.isAcking = true;
    this.#message.nak(delayMs);
    this.#letGo();
  }
}

/**
 * Headers of a message by their names in lower case; of several of one name the first. None where NATS' client can't read
 * them: the event is then no CloudEvent, and no reason to stop.
 */
export function readHeaders(message: Pick<JsMsg, "headers">): Record<string, string> {
  try {
    const { headers } = message;
    return Object.fromEntries((headers?.keys() ?? []).map((name) => [name.toLowerCase(), headers!.get(name)]));
  } catch {
    return {};
  }
}
