import type { Message } from "@bufbuild/protobuf";
import { backoffMs, type EventRetries, pause, STOPPED } from "./backoff.js";
import {
  type Broker,
  type BrokerRecord,
  type Delivery,
  LostError,
  type Publication,
  type Subscription,
} from "./broker.js";
import { headersOf } from "./cause-headers.js";
import { type CloudEvent, type EventMode, readCloudEvent, writeCloudEvent } from "./cloud-event.js";
import { readRequest } from "./event-data.js";
import { EventError, HaltError } from "./event-error.js";
import { Lanes } from "./lanes.js";
import { PersistentCall, type PersistentCallOptions } from "./persistent-call.js";
import {
  deadLetter,
  deadLetterId,
  type PredictionKind,
  predictionEvent,
  predictionId,
  recordBytes,
} from "./prediction-event.js";

/** What a bridge does with events. */
export interface BridgeSettings extends PredictionKind {
  readonly to: string;
  readonly deadLetter: string;
  readonly mode: EventMode;
  readonly retries: EventRetries;
  /** Longer events go to the dead letters. */
  readonly maxEventBytes: number;
}

/** What a bridge works with. */
export interface BridgeParts extends Omit<PersistentCallOptions, "retries" | "signal"> {
  readonly broker: Broker;
  readonly subscription: Subscription;
  /** Told of what failed and is tried again. */
  readonly onProblem?: ((error: Error) => void) | undefined;
  /** Told of events that went to the dead letters. */
  readonly onDead?: ((error: EventError, delivery: Delivery) => void) | undefined;
  /** Told of each event that is done with. */
  readonly onDone?: ((delivery: Delivery) => void) | undefined;
}

/**
 * Takes events, calls the fleet, publishes the predictions. An event is acknowledged once what came of it is stored; who
 * dies before that leaves it to the next one, whose prediction has the same id and is stored once.
 */
export class Bridge {
  readonly #settings: BridgeSettings;
  readonly #parts: BridgeParts;
  readonly #lanes = new Lanes();
  readonly #open = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #call: PersistentCall;
  #halted: HaltError | undefined;

  constructor(settings: BridgeSettings, parts: BridgeParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#call = new PersistentCall({ ...parts, retries: settings.retries, signal: this.#stopping.signal });
  }

  /** Events in hand. */
  get inFlight(): number {
    return this.#open.size;
  }

  /**
   * Works until it is stopped, and all that it had begun is done.
   * @throws HaltError where it can't go on
   */
  async run(): Promise<void> {
    for await (const delivery of this.#parts.subscription.deliveries) this.#take(delivery);
    await Promise.all(this.#open);
    if (this.#halted) throw this.#halted;
  }

  /** Takes no more events. Those whose call has begun are finished; others go back to the broker. */
  stop(): void {
    this.#parts.subscription.stop();
    this.#stopping.abort();
  }

  #take(delivery: Delivery): void {
    const event = attempt(() => this.#read(delivery));
    const key = event instanceof EventError ? undefined : this.#keyOf(event.cause);
    const work = this.#lanes.run(key, () => this.#handle(delivery, event)).finally(() => this.#open.delete(work));
    this.#open.add(work);
  }

  #read(delivery: Delivery): { cause: CloudEvent; request: Message } {
    const { maxEventBytes, found } = this.#settings;
    if (delivery.body.length > maxEventBytes) {
      const message = `the event has ${delivery.body.length} bytes, and ${maxEventBytes} are taken`;
      throw new EventError("TOO_LARGE", message);
    }
    const cause = readCloudEvent(delivery);
    return { cause, request: readRequest(cause, found) };
  }

  #keyOf({ attributes }: CloudEvent): string | undefined {
    const { orderBy } = this.#settings;
    // Events without a key are of one: nobody knows which.
    return orderBy === undefined ? undefined : (attributes.get(orderBy) ?? "");
  }

  /** Never throws: an event that can't be settled is left to the broker. */
  async #handle(delivery: Delivery, event: { cause: CloudEvent; request: Message } | EventError): Promise<void> {
    const { metrics, onDead, onProblem, onDone } = this.#parts;
    const error =
      event instanceof EventError ? event : await this.#publishPrediction(event, delivery).catch(this.#toEnd);
    const end = error instanceof EventError ? await this.#publishDeadLetter(delivery, error).catch(this.#toEnd) : error;
    if (end === STOPPED) return this.#giveBack(delivery, 0);
    if (end) {
      onProblem?.(end);
      return this.#giveBack(delivery, this.#settings.retries.maxBackoffMs);
    }
    metrics.stored(Date.now() - delivery.storedMs);
    if (error instanceof EventError) onDead?.(error, delivery);
    metrics.done(error instanceof EventError ? "dead" : "predicted", error instanceof EventError ? error.reason : "");
    // Where this is lost the event comes again, and its prediction is stored already.
    await delivery.ack().catch(() => {});
    onDone?.(delivery);
  }

  #giveBack(delivery: Delivery, delayMs: number): void {
    delivery.nak(delayMs);
    this.#parts.metrics.done("returned");
  }

  /** @throws EventError, LostError, STOPPED */
  async #publishPrediction(
    { cause, request }: { cause: CloudEvent; request: Message },
    delivery: Delivery,
  ): Promise<void> {
    const settings = this.#settings;
    const answer = await this.#call.make(request, headersOf(cause));
    const event = predictionEvent(cause, answer, settings);
    const record = writeCloudEvent(event, settings.mode, this.#parts.broker.attributePrefix);
    this.#refuseTooLarge(record);
    const key = this.#keyOf(cause) ?? delivery.key;
    await this.#publish({ ...record, to: settings.to, id: predictionId(cause, settings), key }, delivery);
  }

  #refuseTooLarge(record: BrokerRecord): void {
    const { maxBytes } = this.#parts.broker;
    const bytes = recordBytes(record);
    if (bytes > maxBytes) {
      throw new EventError("TOO_LARGE", `the prediction has ${bytes} bytes, and the broker takes ${maxBytes}`, 1);
    }
  }

  /** @throws LostError, STOPPED */
  async #publishDeadLetter(delivery: Delivery, error: EventError): Promise<void> {
    const { bridge, deadLetter: to } = this.#settings;
    const place = { to, id: deadLetterId(delivery, bridge), key: delivery.key };
    const letter = (maxBytes: number) => ({ ...deadLetter(delivery, error, { bridge, maxBytes }), ...place });
    try {
      await this.#publish(letter(this.#parts.broker.maxBytes), delivery);
    } catch (refused) {
      if (!(refused instanceof EventError)) throw refused;
      // The stream of dead letters takes less than the broker does.
      await this.#publish(letter(0), delivery);
    }
  }

  /** What an event whose work threw comes to. */
  readonly #toEnd = (error: unknown): EventError | typeof STOPPED => {
    if (error instanceof HaltError) {
      this.#halted ??= error;
      this.stop();
      return STOPPED;
    }
    if (error === STOPPED || error instanceof LostError) return STOPPED;
    return error instanceof EventError ? error : new EventError("FAILED", String(error), 1);
  };

  /**
   * Returns once it is stored.
   * @throws EventError where the broker will never take it; LostError, STOPPED
   */
  async #publish(publication: Publication, cause: Delivery): Promise<void> {
    const { broker, metrics, onProblem } = this.#parts;
    for (let failures = 1; ; failures++) {
      try {
        return await broker.publish(publication, cause);
      } catch (error) {
        if (error instanceof EventError || error instanceof LostError) throw error;
        metrics.retry("publish");
        onProblem?.(new Error(`${publication.to}: ${(error as Error).message}; it is published again`));
        await pause(backoffMs(this.#settings.retries, failures), this.#stopping.signal);
      }
    }
  }
}

function attempt<Value>(read: () => Value): Value | EventError {
  try {
    return read();
  } catch (error) {
    if (error instanceof EventError) return error;
    // A fault of ours, and no reason to stop at this event.
    return new EventError("MALFORMED", String(error));
  }
}
