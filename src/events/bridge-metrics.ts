import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { METRIC, SECONDS_BUCKETS } from "../telemetry/metric-names.js";

/** What became of an event. */
export type EventOutcome = "predicted" | "dead" | "returned";

/** What a bridge knows of itself at a scrape. */
export interface BridgeGauges {
  readonly inFlight: () => number;
  readonly pace: () => number;
  /** @throws Error where the broker can't be reached */
  readonly lag: () => Promise<number>;
}

/** A bridge's metrics; the bridge and the contract are labels of each. */
export class BridgeMetrics {
  readonly #labels: Readonly<Record<"bridge" | "contract", string>>;
  readonly #events: Counter;
  readonly #retries: Counter;
  readonly #seconds: Histogram;
  readonly #age: Histogram;
  readonly #registry: Registry;

  /** @param registry where the process' own metrics are; it may have one bridge */
  constructor(registry: Registry, labels: Readonly<Record<"bridge" | "contract", string>>) {
    this.#labels = labels;
    this.#registry = registry;
    const of = { labelNames: ["bridge", "contract"], registers: [registry] };
    const buckets = [...SECONDS_BUCKETS];
    this.#events = new Counter({
      ...of,
      name: METRIC.events,
      help: "Events that are done with: predicted, dead (to the dead letters), or returned to the broker.",
      labelNames: ["bridge", "contract", "outcome", "reason"],
    });
    this.#retries = new Counter({
      ...of,
      name: METRIC.eventRetries,
      help: "Calls and publications that failed and are made again, by why.",
      labelNames: ["bridge", "contract", "cause"],
    });
    this.#seconds = new Histogram({
      ...of,
      name: METRIC.eventCall,
      help: "Time of an event's call, waiting for its turn and for a window included.",
      buckets,
    });
    this.#age = new Histogram({
      ...of,
      name: METRIC.eventAge,
      help: "From the broker's taking an event to its prediction's being stored.",
      buckets,
    });
  }

  /** Asks at each scrape. What can't be known then is left out. */
  watch({ inFlight, pace, lag }: BridgeGauges): void {
    this.#gauge(METRIC.eventsInFlight, "Events taken and not yet acknowledged.", async () => inFlight());
    this.#gauge(METRIC.eventPace, "Calls that may be open, as the server has let it.", async () => pace());
    this.#gauge(METRIC.eventLag, "Events that wait in the broker, those in flight not counted.", lag);
  }

  done(outcome: EventOutcome, reason = ""): void {
    this.#events.inc({ ...this.#labels, outcome, reason });
  }

  /** @param cause name of a gRPC code, or `publish` */
  retry(cause: string): void {
    this.#retries.inc({ ...this.#labels, cause });
  }

  called(elapsedMs: number): void {
    this.#seconds.observe(this.#labels, elapsedMs / 1e3);
  }

  stored(ageMs: number): void {
    this.#age.observe(this.#labels, Math.max(0, ageMs) / 1e3);
  }

  #gauge(name: string, help: string, measure: () => Promise<number>): void {
    const labels = this.#labels;
    new Gauge({
      name,
      help,
      labelNames: ["bridge", "contract"],
      registers: [this.#registry],
      async collect() {
        const value = await measure().catch(() => undefined);
        if (value === undefined) this.reset();
        else this.set(labels, value);
      },
    });
  }
}
