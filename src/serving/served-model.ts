import { Fault } from "../contract/fault.js";
import type { Signature } from "../contract/signature.js";
import { Admission } from "./admission.js";
import { Batcher, type BatchingSettings } from "./batcher.js";
import type { Model, ModelState, Outcome, Work } from "./inference.js";
import type { ReadyMessage, WorkerSettings } from "./messages.js";
import { WorkerPool } from "./pool.js";
import { type RunTimes, StatisticsRecorder } from "./statistics.js";

/** How one revision is served. */
export interface ModelSettings {
  readonly contract: string;
  readonly revision: string;
  readonly worker: Omit<WorkerSettings, "maxBatchRows">;
  readonly workers: number;
  readonly batching: BatchingSettings;
  /** Calls that may wait before more are shed. */
  readonly queueSize: number;
}

/** What happens to a model, for logs, metrics and health. */
export interface ModelObserver {
  onState(model: Model): void;
  /** The model is no longer there at all: its folder or entry was taken away. */
  onGone(model: Model): void;
  /** A warm-up that did not succeed. */
  onWarning(model: Model, message: string): void;
  onCrash(model: Model, problem: string, restartMs: number): void;
  /** A call came; `onCall` follows once it is settled. */
  onSubmit(model: Model): void;
  onCall(model: Model, outcome: Outcome): void;
  onRun(model: Model, rows: number, inferMs: number): void;
}

/** How long the first loading of a model may keep a server from being up; it goes on behind it. */
const LOAD_LIMIT_MS = 5 * 60_000;
/** After a crash the model still counts as ready where its worker is tried again within this time. */
const SHORT_RESTART_MS = 1_000;

/** One revision of a contract: its workers, its queue, its figures. */
export class ServedModel implements Model {
  readonly contract: string;
  readonly revision: string;
  readonly statistics = new StatisticsRecorder();
  state: ModelState = "LOADING";
  problem: string | undefined;
  signature: Signature | undefined;
  digest: string | undefined;
  maxBatchRows: number;
  readonly queueSize: number;
  readonly #observer: ModelObserver;
  readonly #pool: WorkerPool;
  readonly #batcher: Batcher;
  readonly #admission: Admission;
  readonly #settled: Promise<void>;
  #settle = () => {};
  #closing: Promise<void> | undefined;

  constructor(settings: ModelSettings, observer: ModelObserver) {
    this.contract = settings.contract;
    this.revision = settings.revision;
    this.maxBatchRows = settings.batching.maxRows;
    this.queueSize = settings.queueSize;
    this.#observer = observer;
    this.#admission = new Admission(settings.worker.label, settings.queueSize);
    this.#settled = new Promise((resolve) => {
      const limit = setTimeout(resolve, LOAD_LIMIT_MS);
      this.#settle = () => {
        clearTimeout(limit);
        resolve();
      };
    });
    const worker = { ...settings.worker, maxBatchRows: settings.batching.maxRows };
    this.#pool = new WorkerPool(worker, settings.workers, {
      onReady: (message) => this.#onReady(message),
      onFailed: (problem) => this.#onFailed(problem),
      onIdle: () => this.#onIdle(),
      onCrash: (problem, restartMs) => this.#onCrash(problem, restartMs),
    });
    this.#batcher = new Batcher({
      runner: this.#pool,
      admission: this.#admission,
      settings: settings.batching,
      events: {
        onCall: (outcome, totalMs) => this.#onCall(outcome, totalMs),
        onRun: (rows, calls, times) => this.#onRun(rows, calls, times),
      },
    });
  }

  /** Resolves once the model is ready, has failed, or has shown that it will take long: its worker died or hangs. */
  settled(): Promise<void> {
    return this.#settled;
  }

  /** Calls that wait for a worker. */
  get waiting(): number {
    return this.#batcher.waiting;
  }

  submit(work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): () => void {
    if (this.state === "READY" && !this.#closing) {
      this.#observer.onSubmit(this);
      return this.#batcher.submit(work, deadlineMs, settle);
    }
    const fault = new Fault("NOT_READY", `${this.contract}/${this.revision} is ${this.#standing()}`);
    queueMicrotask(() => settle({ ok: false, fault }));
    return () => {};
  }

  /** Takes the model out of service: it says so, and closes. */
  unload(): Promise<void> {
    if (this.state !== "FAILED") this.#setState("UNLOADED");
    return this.close();
  }

  /** Takes no more calls, answers those it holds, ends its workers. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#pool.readyWorkers === 0)
      this.#batcher.flush(new Fault("NOT_READY", `${this.contract}/${this.revision} was unloaded`));
    await this.#batcher.drained();
    await this.#pool.close();
    this.#settle();
  }

  #standing(): string {
    if (this.state === "LOADING") return "still loading; try again";
    if (this.state === "FAILED") return "not served: its model could not be loaded; the server's log says why";
    return this.state === "UNLOADED" ? "unloaded" : "being replaced or ended; try again";
  }

  #onReady({ signature, digest, inferMs, batchable, warning }: ReadyMessage): void {
    this.signature = signature;
    this.digest = digest;
    this.problem = undefined;
    if (!batchable) {
      this.maxBatchRows = 1;
      this.#batcher.disable();
    }
    if (inferMs !== undefined) this.#admission.estimate.observe(inferMs);
    if (warning !== undefined) this.#observer.onWarning(this, warning);
    if (!this.#closing) this.#setState("READY");
    this.#settle();
  }

  #onFailed(problem: string): void {
    this.problem = problem;
    this.#setState("FAILED");
    this.#batcher.flush(new Fault("NOT_READY", `${this.contract}/${this.revision} is ${this.#standing()}`));
    this.#settle();
  }

  #onIdle(): void {
    if (this.state === "LOADING" && this.signature && !this.#closing) this.#setState("READY");
    this.#batcher.pump();
  }

  #onCrash(problem: string, restartMs: number): void {
    this.#observer.onCrash(this, problem, restartMs);
    if (this.state === "LOADING") {
      this.problem = `its worker died while loading: ${problem}; it is tried again`;
      this.#settle();
    }
    if (this.#pool.readyWorkers === 0 && restartMs > SHORT_RESTART_MS && this.state === "READY")
      this.#setState("LOADING");
  }

  #onCall(outcome: Outcome, totalMs: number): void {
    this.statistics.call(outcome, totalMs);
    this.#observer.onCall(this, outcome);
  }

  #onRun(rows: number, calls: number, times: RunTimes): void {
    this.statistics.run(rows, calls, times);
    this.#observer.onRun(this, rows, times.endMs - times.startMs);
  }

  #setState(state: ModelState): void {
    this.state = state;
    this.#observer.onState(this);
  }
}
