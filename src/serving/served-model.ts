import { Fault } from "../contract/fault.js";
import type { Signature } from "../contract/signature.js";
import { Admission } from "./admission.js";
import { Batcher, type BatchingSettings } from "./batcher.js";
import type { Model, ModelState, Outcome, Work } from "./inference.js";
import type { ReadyMessage, WorkerSettings } from "./messages.js";
import { sizedBytes } from "./model-memory.js";
import { NearRunner } from "./near-runner.js";
import { WorkerPool } from "./pool.js";
import type { ModelObserver, RevisionSettings, StartedModel } from "./started-model.js";
import { type RunTimes, StatisticsRecorder } from "./statistics.js";

/** How one revision is served whose model is ours to run. */
export interface ModelSettings extends RevisionSettings {
  readonly worker: Omit<WorkerSettings, "maxBatchRows" | "padding">;
  readonly workers: number;
  readonly batching: BatchingSettings;
  /** Whether it is loaded in a process of its own first, as nobody has looked at it. @default false */
  readonly apartFirst?: boolean;
}

/** How long the first loading of a model may keep a server from being up; it goes on behind it. */
const LOAD_LIMIT_MS = 5 * 60_000;
/** READY: it is closing, or would take calls. */
const STANDINGS: Record<ModelState, string> = {
  LOADING: "still loading; try again",
  READY: "being replaced or ended; try again",
  FAILED: "not served: its model could not be loaded; the server's log says why",
  UNLOADED: "unloaded",
};
/** After a crash the model still counts as ready where its worker is tried again within this time. */
const SHORT_RESTART_MS = 1_000;

/** One revision of a contract: its workers, its queue, its figures. */
export class ServedModel implements StartedModel {
  readonly contract: string;
  readonly revision: string;
  readonly statistics: StatisticsRecorder;
  state: ModelState = "LOADING";
  problem: string | undefined;
  signature: Signature | undefined;
  digest: string | undefined;
  maxBatchRows: number;
  readonly queueSize: number;
  readonly #observer: ModelObserver;
  readonly #pool: WorkerPool;
  readonly #runner: NearRunner;
  readonly #batcher: Batcher;
  readonly #admission: Admission;
  readonly #settled: Promise<void>;
  #settle = () => {};
  #closing: Promise<void> | undefined;
  #modelBytes = 0;

  /** @param statistics where its figures are counted: those of a model that was loaded before go on */
  constructor(settings: ModelSettings, observer: ModelObserver, statistics = new StatisticsRecorder()) {
    this.statistics = statistics;
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
    const { maxRows, padding } = settings.batching;
    const worker = { ...settings.worker, maxBatchRows: maxRows, padding };
    this.#pool = new WorkerPool(worker, settings.workers, {
      onReady: (message) => void this.#onLoaded(message),
      onFailed: (problem) => this.#onFailed(problem),
      onIdle: () => this.#onIdle(),
      onCrash: (problem, restartMs) => this.#onCrash(problem, restartMs),
    });
    this.#runner = new NearRunner(this.#pool, worker, {
      onIdle: () => this.#onIdle(),
      onGivenUp: () => this.#observer.onWarning(this, "runs take longer than measured: they go to worker threads now"),
    });
    this.#batcher = new Batcher({
      runner: this.#runner,
      admission: this.#admission,
      settings: settings.batching,
      events: {
        onCall: (outcome, totalMs) => this.#onCall(outcome, totalMs),
        onRun: (rows, calls, times) => this.#onRun(rows, calls, times),
      },
    });
  }

  /** Resolves, too, once the model has shown that it will take long: its worker died or hangs. */
  settled(): Promise<void> {
    return this.#settled;
  }

  /** Calls that wait for a worker. */
  get waiting(): number {
    return this.#batcher.waiting;
  }

  /** What it takes now, by the sizes of its files and the number of its workers. */
  get sizedBytes(): number {
    return sizedBytes({
      modelBytes: this.#modelBytes,
      workers: this.#pool.liveWorkers,
      near: this.#runner.near,
    });
  }

  submit(work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): () => void {
    if (this.state === "READY" && !this.#closing) {
      this.#observer.onSubmit(this);
      return this.#batcher.submit(work, deadlineMs, settle);
    }
    const fault = notReady(this);
    queueMicrotask(() => settle({ ok: false, fault }));
    return () => {};
  }

  unload(): Promise<void> {
    if (this.state !== "FAILED") this.#setState("UNLOADED");
    return this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#pool.readyWorkers === 0)
      this.#batcher.flush(new Fault("NOT_READY", `${this.contract}/${this.revision} was unloaded`));
    await this.#batcher.drained();
    await this.#runner.close();
    this.#settle();
  }

  /** The worker is ready; the model is, once it is known where its jobs are run. */
  async #onLoaded(message: ReadyMessage): Promise<void> {
    try {
      await this.#runner.settle(message.cost);
    } catch (error) {
      this.#observer.onWarning(this, `runs on worker threads alone: ${(error as Error).message}`);
    }
    this.#onReady(message);
  }

  #onReady({ signature, digest, modelBytes, inferMs, batchable, padding, warning }: ReadyMessage): void {
    this.#modelBytes = modelBytes;
    this.#batcher.pad(padding);
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
    this.#batcher.flush(notReady(this));
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
    if (this.#runner.readyWorkers === 0 && restartMs > SHORT_RESTART_MS && this.state === "READY")
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

/** Why a model takes no calls. */
export function notReady({ contract, revision, state }: Pick<Model, "contract" | "revision" | "state">): Fault {
  return new Fault("NOT_READY", `${contract}/${revision} is ${STANDINGS[state]}`);
}
