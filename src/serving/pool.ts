import { Worker } from "node:worker_threads";
import { Fault } from "../contract/fault.js";
import type {
  AnsweredMessage,
  AnswerRequest,
  FromWorker,
  RanMessage,
  ReadyMessage,
  RunRequest,
  WorkerSettings,
} from "./messages.js";

/** A job for a worker, and the buffers that go over with it. */
export interface Job {
  readonly request: RunRequest | AnswerRequest;
  readonly transfer: readonly ArrayBuffer[];
}

export type JobResult = RanMessage | AnsweredMessage;

/** What a pool tells its owner. */
export interface PoolEvents {
  /** The first worker is ready. Later ones only add to it. */
  onReady(message: ReadyMessage): void;
  /** The model can't be loaded: no worker is left, none will be tried. */
  onFailed(problem: string): void;
  /** A worker is free for a job. */
  onIdle(): void;
  /** A worker died; `restartMs` until the next try. */
  onCrash(problem: string, restartMs: number): void;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 30_000;

type Settle = { resolve(result: JobResult): void; reject(fault: Fault): void };

/** One worker thread and what it is doing. */
interface Slot {
  worker: Worker;
  ready: boolean;
  job: Settle | undefined;
  /** Grows with each death in a row; a job done sets it back. */
  backoffMs: number;
  problem: string | undefined;
  /** It said that the model can't be loaded; its end is no crash. */
  failed: boolean;
}

/**
 * The worker threads of one model. Each holds a session of its own and one job at a time. A thread that dies takes its
 * own job with it and is started again, later each time.
 */
export class WorkerPool {
  readonly #settings: WorkerSettings;
  readonly #events: PoolEvents;
  readonly #slots: Slot[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  #closing = false;
  #announced = false;
  #closed: Promise<void> | undefined;

  constructor(settings: WorkerSettings, workers: number, events: PoolEvents) {
    this.#settings = settings;
    this.#events = events;
    for (let index = 0; index < workers; index++) this.#start(FIRST_BACKOFF_MS);
  }

  /** Whether a job would be taken now. */
  get idle(): boolean {
    return this.#slots.some((slot) => slot.ready && slot.job === undefined);
  }

  /** Workers that are loaded. */
  get readyWorkers(): number {
    return this.#slots.filter((slot) => slot.ready).length;
  }

  /**
   * Hands a job to an idle worker; there has to be one.
   * @returns rejects with a Fault: RUN_FAILED, or WORKER_LOST where the worker died
   */
  run(job: Job): Promise<JobResult> {
    const slot = this.#slots.find((candidate) => candidate.ready && candidate.job === undefined);
    if (!slot) throw new Error("no worker is idle");
    return new Promise((resolve, reject) => {
      slot.job = { resolve, reject };
      slot.worker.postMessage(job.request, job.transfer as ArrayBuffer[]);
    });
  }

  /**
   * Ends the workers once they have done what they hold: stopping a thread during a run would abort the process.
   * @returns resolves when all threads have ended
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    const ended = this.#slots.map((slot) => new Promise<void>((resolve) => slot.worker.once("exit", () => resolve())));
    for (const slot of this.#slots) slot.worker.postMessage({ kind: "close" });
    await Promise.all(ended);
  }

  #start(backoffMs: number): void {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: this.#settings });
    const slot: Slot = { worker, ready: false, job: undefined, backoffMs, problem: undefined, failed: false };
    this.#slots.push(slot);
    worker.on("message", (message: FromWorker) => this.#onMessage(slot, message));
    worker.on("error", (error) => {
      slot.problem = error.message;
    });
    worker.on("exit", (code) => this.#onExit(slot, code));
  }

  #onMessage(slot: Slot, message: FromWorker): void {
    switch (message.kind) {
      case "ready":
        this.#onReady(slot, message);
        return;
      case "failed":
        this.#onFailed(slot, message.problem);
        return;
      case "fault":
        this.#finish(slot, (job) => job.reject(new Fault(message.reason, message.message, { cause: message.cause })));
        return;
      default:
        this.#finish(slot, (job) => job.resolve(message));
    }
  }

  #onReady(slot: Slot, message: ReadyMessage): void {
    slot.ready = true;
    if (!this.#announced) {
      this.#announced = true;
      this.#events.onReady(message);
    }
    this.#events.onIdle();
  }

  /** The file will not load better the next time: the first worker's failure is the model's. */
  #onFailed(slot: Slot, problem: string): void {
    this.#remove(slot);
    slot.failed = true;
    if (this.readyWorkers === 0 && !this.#closing && this.#restarts.size === 0) this.#events.onFailed(problem);
  }

  #finish(slot: Slot, settle: (job: Settle) => void): void {
    const job = slot.job!;
    slot.job = undefined;
    slot.backoffMs = FIRST_BACKOFF_MS;
    settle(job);
    this.#events.onIdle();
  }

  #onExit(slot: Slot, code: number): void {
    this.#remove(slot);
    const problem = slot.problem ?? `exit code ${code}`;
    slot.job?.reject(
      new Fault("WORKER_LOST", `${this.#settings.label}: the worker died while it held this call; try again`, {
        cause: problem,
      }),
    );
    slot.job = undefined;
    if (this.#closing || slot.failed) return;
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#start(Math.min(slot.backoffMs * 2, LONGEST_BACKOFF_MS));
    }, slot.backoffMs);
    this.#restarts.add(timer);
    this.#events.onCrash(problem, slot.backoffMs);
  }

  #remove(slot: Slot): void {
    const index = this.#slots.indexOf(slot);
    if (index >= 0) this.#slots.splice(index, 1);
  }
}
