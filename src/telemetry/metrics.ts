import { totalmem } from "node:os";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Distribution } from "./distribution.js";
import { METRIC, SECONDS_BUCKETS } from "./metric-names.js";
import { FiguresByModel, type ModelFigures } from "./model-figures.js";
import { ModelHistogram } from "./model-histogram.js";

const MODEL = ["contract", "revision"] as const;

/** Every metric of the server: its help, its labels, and the object that counts it. */
export class Metrics {
  readonly registry = new Registry();
  #measure = () => {};

  /** What each call and each run adds to. */
  readonly models = new FiguresByModel();

  readonly openStreams = this.#gauge(METRIC.openStreams, "Streams that are open.");

  readonly waiting = new Gauge({
    name: METRIC.waiting,
    help: "Calls that wait for a worker.",
    labelNames: MODEL,
    registers: [this.registry],
    collect: () => this.#measure(),
  });

  readonly queueSize = this.#gauge(METRIC.queueSize, "Calls that may wait for a worker before more are shed.");

  readonly workerRestarts = this.#counter(METRIC.workerRestarts, "Workers that died and were started again.");

  readonly modelReady = new Gauge({
    name: METRIC.modelReady,
    help: "1 where the model is loaded and warm, 0 where it is not.",
    aggregator: "min",
    labelNames: MODEL,
    registers: [this.registry],
  });

  readonly modelLoaded = this.#gauge(
    METRIC.modelLoaded,
    "With a memory budget: 1 where the model is in memory, 0 where the next call loads it.",
  );
  readonly modelMemory = this.#gauge(
    METRIC.modelMemory,
    "With a memory budget: memory that the model takes, 0 where it is not loaded.",
  );
  readonly modelLoads = this.#counter(METRIC.modelLoads, "With a memory budget: how often the model was loaded.");
  readonly modelUnloads = this.#counter(
    METRIC.modelUnloads,
    "With a memory budget: how often the model was unloaded to make room.",
  );
  readonly loadDuration = new Histogram({
    name: METRIC.loadDuration,
    help: "With a memory budget: time to load the model.",
    labelNames: MODEL,
    buckets: [...SECONDS_BUCKETS],
    registers: [this.registry],
  });

  readonly memoryBudget = new Gauge({
    name: METRIC.memoryBudget,
    help: "Memory that loaded models may take together; 0 without a budget.",
    registers: [this.registry],
  });

  readonly memoryLimit = new Gauge({
    name: METRIC.memoryLimit,
    help: "Memory that the process may use before it is killed.",
    aggregator: "first",
    registers: [this.registry],
  });

  constructor() {
    this.#addRequests();
    this.#addHistogram(METRIC.duration, "Time of a call inside the server.", ({ duration }) => duration);
    this.#addHistogram(METRIC.queue, "Time a call waited for a worker.", ({ queue }) => queue);
    this.#addHistogram(
      METRIC.batch,
      "Time for joining, splitting and the way to the worker and back.",
      ({ batch }) => batch,
    );
    this.#addHistogram(METRIC.inference, "Time of one run of the model.", ({ inference }) => inference);
    this.#addHistogram(METRIC.batchRows, "Rows of one run of the model.", ({ batchRows }) => batchRows);
    this.#addInFlight();
    this.memoryLimit.set(usableMemoryBytes());
    collectDefaultMetrics({ register: this.registry });
  }

  /** Has `measure` set the gauges that nothing tells of a change, before each scrape. The last one given counts. */
  beforeScrape(measure: () => void): void {
    this.#measure = measure;
  }

  #gauge(name: string, help: string): Gauge<(typeof MODEL)[number]> {
    return new Gauge({ name, help, labelNames: MODEL, registers: [this.registry] });
  }

  #counter(name: string, help: string): Counter<(typeof MODEL)[number]> {
    return new Counter({ name, help, labelNames: MODEL, registers: [this.registry] });
  }

  #addRequests(): void {
    const requests = new Counter({
      name: METRIC.requests,
      help: "Calls answered, by contract, revision, method and gRPC code.",
      labelNames: [...MODEL, "method", "code"] as const,
      registers: [this.registry],
      collect: () => {
        for (const figures of this.models)
          for (const { method, code, calls } of figures.takeAnswered())
            requests.inc({ ...figures.labels, method, code }, calls);
      },
    });
  }

  #addInFlight(): void {
    const inFlight = new Gauge({
      name: METRIC.inFlight,
      help: "Calls taken and not yet answered.",
      labelNames: MODEL,
      registers: [this.registry],
      collect: () => {
        // A call that found no revision never was in flight.
        for (const figures of this.models)
          if (figures.labels.revision !== "") inFlight.set({ ...figures.labels }, figures.inFlight);
      },
    });
  }

  #addHistogram(name: string, help: string, pick: (figures: ModelFigures) => Distribution): void {
    const histogram = new ModelHistogram({ name, help, figures: this.models, pick });
    // What a registry asks of a histogram is its name and `get`.
    this.registry.registerMetric(histogram as unknown as Histogram);
  }
}

/** What the control group of the process allows, or else what the machine has. Without a limit it is 0, or beyond all bounds. */
function usableMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
