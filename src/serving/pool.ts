import { Worker } from "node:worker_threads";
import { Fault } from "../contract/fault.js";
import { detachable, transferList } from "./batch.js";
import {
  type AnsweredMessage,
  type AnswerRequest,
  type FromWorker,
  type PongMessage,
  processClockMs,
  type RanMessage,
  type ReadyMessage,
  type RunRequest,
  type ToWorker,
  type WorkerData,
  type WorkerSettings,
} from "./messages.js";

/** A job for a worker. */
export interface Job {
  readonly request: RunRequest | AnswerRequest;
  /** Epoch milliseconds after which it is not begun; it then fails with DEADLINE. @default never */
  readonly notAfterMs?: number;
  /** Says that nobody waits for it any longer: unless it is begun, it is not, and fails with CANCELLED. Set by the pool. */
  withdraw?: () => void;
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

/** Round trips that are timed. */
const PINGS = 15;
/**
 * Of runs shorter than this, the next is handed out before the one before has ended: the way to a worker and back, a fifth of a
 * millisecond, is a tenth of a run of 2 ms. Longer ones would gain little.
 */
const AHEAD_MS = 10;

type WorkerAnswer = JobResult | PongMessage;
type Settle = { resolve(result: WorkerAnswer): void; reject(fault: Fault): void };

/** One worker thread and what it is doing. */
interface Slot {
  worker: Worker;
  ready: boolean;
  /** What it was given and has not answered, in that order. */
  jobs: Settle[];
  /** The number of the last one. */
  sent: number;
  readonly withdrawn: Int32Array<SharedArrayBuffer>;
  /** Grows with each death in a row; a job done sets it back. */
  backoffMs: number;
  problem: string | undefined;
  /** It said that the model can't be loaded, or was told to go; its end is no crash. */
  leaves: boolean;
}

/**
 * The worker threads of one model. Each holds a session of its own and runs one job at a time; where there is one alone,
 * without a transform, and its runs are short and of one call each, the next job lies before it. A thread that dies takes what it holds with it
 * and is started again, later each time.
 */
export class WorkerPool {
  /** How many workers it has, ready or not. */
  readonly size: number;
  #settings: WorkerSettings;
  readonly #events: PoolEvents;
  readonly #slots: Slot[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  /** Jobs that wait for the first worker after a rest. */
  #waking: { readonly job: Job; readonly settle: Settle }[] = [];
  #resting = false;
  /** Jobs that a worker may hold. */
  #depth = 1;
  #closing = false;
  #announced = false;
  #closed: Promise<void> | undefined;

  constructor(settings: WorkerSettings, workers: number, events: PoolEvents) {
    this.#settings = settings;
    this.#events = events;
    this.size = workers;
    for (let index = 0; index < workers; index++) this.#start(FIRST_BACKOFF_MS);
  }

  /** Whether a job would be taken now. */
  get idle(): boolean {
    return this.#resting || this.#free(this.#depth) !== undefined;
  }

  /** Workers that are loaded, or could be at once. */
  get readyWorkers(): number {
    return this.#resting ? this.size : this.#slots.filter((slot) => slot.ready).length;
  }

  /** Worker threads that there are, ready or not. */
  get liveWorkers(): number {
    return this.#slots.length;
  }

  /**
   * Hands a job to an idle worker; there has to be one.
   * @returns rejects with a Fault: RUN_FAILED, or WORKER_LOST where the worker died
   */
  run(job: Job): Promise<JobResult> {
    return this.#resting ? this.#wake(job) : this.#handOut(job);
  }

  /** A worker that holds fewer than `jobs`. */
  #free(jobs: number): Slot | undefined {
    return this.#slots.find((slot) => slot.ready && slot.jobs.length < jobs);
  }

  #handOut(job: Job): Promise<JobResult> {
    const slot = this.#free(this.#depth);
    if (!slot) throw new Error("no worker is idle");
    const { request, transfer } = toOwned(job.request);
    // Atomics count as far as 32 bits go, and around.
    const number = (slot.sent + 1) | 0;
    slot.sent = number;
    job.withdraw = () => void Atomics.store(slot.withdrawn, number & 1, number);
    const { notAfterMs = Number.POSITIVE_INFINITY } = job;
    return this.#ask(slot, { kind: "job", number, notAfterMs, request }, transfer) as Promise<JobResult>;
  }

  /**
   * What the way to a worker and back costs, in milliseconds: the processor time of both threads, or the time that it
   * takes where that is longer. A worker has to be idle, and stays so.
   */
  async hopMs(): Promise<number> {
    const times: number[] = [];
    const before = process.cpuUsage();
    for (let ping = 0; ping < PINGS; ping++) {
      const slot = this.#free(1);
      if (!slot) return 0;
      const startMs = processClockMs();
      await this.#ask(slot, { kind: "ping" }, []);
      times.push(processClockMs() - startMs);
    }
    const { user, system } = process.cpuUsage(before);
    return Math.max(Math.min(...times), (user + system) / 1e3 / PINGS);
  }

  /** Lets the workers go, which are to be idle: each holds some 10 MiB. The next job starts them again. */
  rest(): void {
    this.#resting = true;
    for (const slot of this.#slots.splice(0)) {
      slot.leaves = true;
      slot.worker.postMessage({ kind: "close" });
    }
  }

  #wake(job: Job): Promise<JobResult> {
    this.#resting = false;
    for (let index = 0; index < this.size; index++) this.#start(FIRST_BACKOFF_MS);
    return new Promise((resolve, reject) => {
      const settle = { resolve: resolve as Settle["resolve"], reject };
      this.#waking.push({ job, settle });
    });
  }

  /** What waited for a worker goes out; or fails, where none comes. */
  #awake(problem?: string): void {
    for (const { job, settle } of this.#waking.splice(0)) {
      if (problem === undefined) this.#handOut(job).then(settle.resolve, settle.reject);
      else settle.reject(this.#lost(problem));
    }
  }

  #lost(cause: string): Fault {
    const message = `${this.#settings.label}: the worker died while it held this call; try again`;
    return new Fault("WORKER_LOST", message, { cause });
  }

  #ask(slot: Slot, message: ToWorker, transfer: readonly ArrayBuffer[]): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      slot.jobs.push({ resolve, reject });
      slot.worker.postMessage(message, transfer as ArrayBuffer[]);
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
    const withdrawn = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
    const workerData: WorkerData = { settings: this.#settings, withdrawn };
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData });
    const state = { ready: false, jobs: [], sent: 0, problem: undefined, leaves: false };
    const slot: Slot = { worker, withdrawn, backoffMs, ...state };
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
      // Workers that are started later load the same model, whatever lies in the file by then.
      this.#settings = { ...this.#settings, sha256: message.digest };
      this.#depth = this.#jobsHeld(message);
      this.#events.onReady(message);
    }
    this.#awake();
    this.#events.onIdle();
  }

  /**
   * Of several workers, one could hold what another is free for; calls that wait may still be joined by others; and a
   * transform may end its worker, of which the call behind is to know nothing.
   */
  #jobsHeld({ batchable, inferMs = Number.POSITIVE_INFINITY }: ReadyMessage): number {
    const isAlone = this.size === 1 && !batchable && this.#settings.transform === undefined;
    return isAlone && inferMs < AHEAD_MS ? 2 : 1;
  }

  /** The file will not load better the next time: the first worker's failure is the model's. */
  #onFailed(slot: Slot, problem: string): void {
    this.#remove(slot);
    slot.leaves = true;
    this.#awake(problem);
    if (this.readyWorkers === 0 && !this.#closing && this.#restarts.size === 0) this.#events.onFailed(problem);
  }

  #finish(slot: Slot, settle: (job: Settle) => void): void {
    const job = slot.jobs.shift()!;
    slot.backoffMs = FIRST_BACKOFF_MS;
    settle(job);
    this.#events.onIdle();
  }

  #onExit(slot: Slot, code: number): void {
    this.#remove(slot);
    const problem = slot.problem ?? `exit code ${code}`;
    for (const job of slot.jobs.splice(0)) job.reject(this.#lost(problem));
    if (this.#closing || slot.leaves) return;
    this.#awake(problem);
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

/** What goes over, in memory of its own: a buffer that is handed over is empty here, whoever else looks at it. */
function toOwned(request: RunRequest | AnswerRequest): {
  request: RunRequest | AnswerRequest;
  transfer: ArrayBuffer[];
} {
  if (request.kind === "answer") {
    const requests = request.requests.map((bytes) => new Uint8Array(bytes));
    return { request: { ...request, requests }, transfer: requests.map((bytes) => bytes.buffer) };
  }
  const inputs = request.inputs.map(detachable);
  return { request: { ...request, inputs }, transfer: transferList(inputs) };
}
