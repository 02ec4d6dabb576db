import type { Fault } from "../contract/fault.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";
import type { Model, Outcome } from "./inference.js";
import type { ModelMemory } from "./model-memory.js";
import type { ModelObserver } from "./started-model.js";

/** Writes what happens to models to the log and the metrics. */
export class ModelTelemetry implements ModelObserver {
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #onChange: () => void;
  /** Models whose queues are measured, by contract and revision. */
  readonly #queues = new Map<string, Model>();

  /** @param onChange called after a model's state changed, for health */
  constructor(log: Log, metrics: Metrics, onChange: () => void) {
    this.#log = log;
    this.#metrics = metrics;
    this.#onChange = onChange;
    metrics.beforeScrape(() => this.#measureQueues());
  }

  onState(model: Model): void {
    const { contract, revision, digest, state } = model;
    this.#metrics.modelReady.set({ contract, revision }, state === "READY" ? 1 : 0);
    // A counter that is first seen at 1 has not grown, for Prometheus.
    this.#metrics.workerRestarts.inc({ contract, revision }, 0);
    if (state === "READY") this.#queues.set(`${contract}/${revision}`, model);
    if (state === "FAILED" || state === "UNLOADED") this.#forgetMemory({ contract, revision });
    if (state === "FAILED") this.#log.error({ contract, revision, problem: model.problem }, "model can't be served");
    else this.#log.info({ contract, revision, digest: digest?.slice(0, 12), state }, "model state");
    this.#onChange();
  }

  onGone({ contract, revision }: Model): void {
    const { modelReady, waiting, queueSize } = this.#metrics;
    for (const gauge of [modelReady, waiting, queueSize]) gauge.remove({ contract, revision });
    this.#forgetMemory({ contract, revision });
    this.#queues.delete(`${contract}/${revision}`);
    this.#log.info({ contract, revision }, "model is gone");
  }

  onWarning({ contract, revision }: Model, message: string): void {
    this.#log.warn({ contract, revision }, message);
  }

  onCrash({ contract, revision }: Model, problem: string, restartMs: number): void {
    this.#metrics.workerRestarts.inc({ contract, revision });
    this.#log.error({ contract, revision, problem, restartMs }, "worker died; it will be started again");
  }

  onSubmit(model: Model): void {
    this.#metrics.models.of(model).inFlight += 1;
  }

  onCall(model: Model, outcome: Outcome): void {
    const figures = this.#metrics.models.of(model);
    figures.inFlight -= 1;
    if (!outcome.ok) {
      this.#logFault(model, outcome.fault);
      return;
    }
    figures.queue.observe(outcome.timing.queueMs / 1e3);
    figures.batch.observe(outcome.timing.batchMs / 1e3);
  }

  onRun(model: Model, rows: number, inferMs: number): void {
    const figures = this.#metrics.models.of(model);
    figures.inference.observe(inferMs / 1e3);
    figures.batchRows.observe(rows);
  }

  onLoad({ contract, revision }: Model, { bytes, by }: ModelMemory, tookMs: number): void {
    const { modelLoaded, modelMemory, modelLoads, loadDuration } = this.#metrics;
    modelLoaded.set({ contract, revision }, 1);
    modelMemory.set({ contract, revision }, bytes);
    modelLoads.inc({ contract, revision });
    loadDuration.observe({ contract, revision }, tookMs / 1e3);
    const memoryMiB = Math.round((bytes / 2 ** 20) * 10) / 10;
    this.#log.info({ contract, revision, tookMs: Math.round(tookMs), memoryMiB, by }, "model loaded");
  }

  onUnload({ contract, revision }: Model): void {
    this.#metrics.modelLoaded.set({ contract, revision }, 0);
    this.#metrics.modelMemory.set({ contract, revision }, 0);
    this.#metrics.modelUnloads.inc({ contract, revision });
    this.#log.info({ contract, revision }, "model unloaded to make room; the next call loads it again");
  }

  #forgetMemory(labels: { contract: string; revision: string }): void {
    for (const gauge of [this.#metrics.modelLoaded, this.#metrics.modelMemory]) gauge.remove(labels);
  }

  #measureQueues(): void {
    for (const { contract, revision, waiting, queueSize } of this.#queues.values()) {
      this.#metrics.waiting.set({ contract, revision }, waiting);
      this.#metrics.queueSize.set({ contract, revision }, queueSize);
    }
  }

  /** The caller is told only that the model failed; why is for the operator. */
  #logFault({ contract, revision }: Model, fault: Fault): void {
    if (fault.reason === "RUN_FAILED")
      this.#log.error({ contract, revision, cause: String(fault.cause) }, fault.message);
  }
}
