import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** From fractions of a millisecond to half a minute. */
const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const MODEL = ["contract", "revision"] as const;

/** Names and help of every metric, in one place, and the objects that count them. */
export class Metrics {
  readonly registry = new Registry();

  /** Calls answered, by gRPC code name (`OK`, `INVALID_ARGUMENT`). */
  readonly requests = new Counter({
    name: "flotilla_requests_total",
    help: "Calls answered, by contract, revision, method and gRPC code.",
    labelNames: [...MODEL, "method", "code"] as const,
    registers: [this.registry],
  });

  /** From the message's arrival to its answer. */
  readonly duration = this.#histogram(
    "flotilla_request_duration_seconds",
    "Time of a call inside the server.",
    SECONDS,
  );
  readonly queue = this.#histogram("flotilla_queue_duration_seconds", "Time a call waited for a worker.", SECONDS);
  readonly batch = this.#histogram(
    "flotilla_batch_duration_seconds",
    "Time for joining, splitting and the way to the worker and back.",
    SECONDS,
  );
  readonly inference = this.#histogram("flotilla_inference_duration_seconds", "Time of one run of the model.", SECONDS);
  readonly batchRows = this.#histogram("flotilla_batch_rows", "Rows of one run of the model.", ROWS);

  readonly inFlight = new Gauge({
    name: "flotilla_requests_in_flight",
    help: "Calls taken and not yet answered.",
    labelNames: MODEL,
    registers: [this.registry],
  });

  readonly workerRestarts = new Counter({
    name: "flotilla_worker_restarts_total",
    help: "Workers that died and were started again.",
    labelNames: MODEL,
    registers: [this.registry],
  });

  readonly modelReady = new Gauge({
    name: "flotilla_model_ready",
    help: "1 where the model is loaded and warm, 0 where it is not.",
    labelNames: MODEL,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<(typeof MODEL)[number]> {
    return new Histogram({ name, help, labelNames: MODEL, buckets, registers: [this.registry] });
  }
}
