import { stat } from "node:fs/promises";
import { Fault } from "../contract/fault.js";
import type { Runner } from "./batcher.js";
import { processClockMs, type RunCost, type RunRequest, type WorkerSettings } from "./messages.js";
import type { Job, JobResult, WorkerPool } from "./pool.js";
import { expectedMs, NEAR_LIMIT_MS } from "./run-cost.js";
import type { Session } from "./session.js";

/** Larger models are not held twice. */
const MAX_MODEL_BYTES = 8 * 2 ** 20;
/** A run that kept the server's thread this long was misjudged: health checks are to be answered within it. */
const MISJUDGED_MS = 10;
/** Runs that are taken on for one turn of the event loop: between turns, calls come in and health checks are answered. */
const TURN_LIMIT_MS = 4;
/** A run that has been taken on. */
interface DueRun {
  readonly session: Session;
  readonly request: RunRequest;
  resolve(result: JobResult): void;
  reject(fault: Fault): void;
}

/** Two long runs that are no further apart, and the next so many runs are watched. */
const WATCHED_RUNS = 100;
/** So many misjudged ones of those end the runs on the server's thread. */
const MISJUDGED_RUNS = 4;

/**
 * Runs a small model's jobs on the server's own thread, where the way to a worker and back would cost more than the run;
 * all else goes to the workers. Whether that is so is measured once, when the model is warm.
 */
export class NearRunner implements Runner {
  readonly #pool: WorkerPool;
  readonly #settings: WorkerSettings;
  readonly #onIdle: () => void;
  readonly #onGivenUp: () => void;
  #near: { readonly session: Session; readonly cost: RunCost } | undefined;
  /** Runs of the next turn, and what they will take together. */
  #due: DueRun[] = [];
  #takenMs = 0;
  #onQuiet = () => {};
  /** Runs since the last long one. */
  #sinceLong = Number.POSITIVE_INFINITY;
  /** Runs that are still watched. */
  #watched = 0;
  #misjudged = 0;
  #closed = false;

  /** @param events.onGivenUp runs took longer than measured, and go to the workers from now on */
  constructor(pool: WorkerPool, settings: WorkerSettings, events: { onIdle(): void; onGivenUp(): void }) {
    this.#pool = pool;
    this.#settings = settings;
    this.#onIdle = events.onIdle;
    this.#onGivenUp = events.onGivenUp;
  }

  /** Whether small jobs are run here. */
  get near(): boolean {
    return this.#near !== undefined;
  }

  get idle(): boolean {
    return this.#takenMs < TURN_LIMIT_MS && this.#pool.idle;
  }

  get readyWorkers(): number {
    return this.#pool.readyWorkers;
  }

  /**
   * Decides where jobs of `cost` are run, and loads the model here where that is the cheaper place.
   * @throws ModelError
   */
  async settle(cost: RunCost | undefined): Promise<void> {
    // Somebody wants runs at the same time, which one thread does not do.
    if (this.#pool.size > 1) return;
    if (cost === undefined || cost.firstRowMs >= (await this.#pool.hopMs())) return;
    if ((await stat(this.#settings.modelPath)).size > MAX_MODEL_BYTES) return;
    // ONNX Runtime is only loaded here where it is used.
    const { Session } = await import("./session.js");
    const session = await Session.load(this.#settings, 1);
    if (this.#closed) {
      session.release();
      return;
    }
    this.#near = { session, cost };
    // Most such models never need a worker again, and of hundreds in a process the workers would be most of the memory.
    this.#pool.rest();
  }

  run(job: Job): Promise<JobResult> {
    const { request } = job;
    if (this.#near === undefined || request.kind !== "run") return this.#pool.run(job);
    const { session, cost } = this.#near;
    const takesMs = expectedMs(cost, request.inputs);
    if (takesMs > NEAR_LIMIT_MS) return this.#pool.run(job);
    return new Promise((resolve, reject) => {
      if (this.#due.length === 0) setImmediate(this.#turn);
      this.#due.push({ session, request, resolve, reject });
      this.#takenMs += takesMs;
    });
  }

  /** Ends the workers; nothing may be running or waiting. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#due.length > 0)
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    this.#near?.session.release();
    this.#near = undefined;
    await this.#pool.close();
  }

  /**
   * Makes all runs that are due, and only then hands out what they gave: between two runs the way of an answer to its
   * caller would push the model out of the processor's caches, and a small model's run takes thrice as long without them.
   */
  readonly #turn = (): void => {
    const wasFull = !this.idle;
    const due = this.#due;
    const settled = due.map((run) => this.#make(run));
    this.#due = [];
    this.#takenMs = 0;
    for (const settle of settled) settle();
    this.#onQuiet();
    if (wasFull) setImmediate(this.#onIdle);
  };

  /** @returns tells whoever waits for the run */
  #make({ session, request, resolve, reject }: DueRun): () => void {
    const startMs = processClockMs();
    const before = this.#watched > 0 ? process.cpuUsage() : undefined;
    try {
      const outputs = session.run(request.inputs, request.outputs);
      const endMs = processClockMs();
      this.#watch(endMs - startMs, before);
      return () => resolve({ kind: "ran", outputs, span: { startMs, endMs } });
    } catch (error) {
      const message = `${this.#settings.label}: the model failed on this input`;
      return () => reject(new Fault("RUN_FAILED", message, { cause: (error as Error).message }));
    }
  }

  /**
   * A run also takes long where other programs had the processor: only work that was done speaks against the model. Asking
   * for that costs as much as a small run, so that runs are only asked about once long ones come close to one another.
   */
  #watch(tookMs: number, before: NodeJS.CpuUsage | undefined): void {
    const isLong = tookMs > MISJUDGED_MS;
    if (this.#watched > 0) this.#watched -= 1;
    else if (isLong && this.#sinceLong < WATCHED_RUNS) {
      this.#watched = WATCHED_RUNS;
      this.#misjudged = 0;
    }
    this.#sinceLong = isLong ? 0 : this.#sinceLong + 1;
    if (before === undefined || !isLong) return;
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1e3 < MISJUDGED_MS) return;
    this.#misjudged += 1;
    if (this.#misjudged < MISJUDGED_RUNS) return;
    this.#near = undefined;
    this.#onGivenUp();
  }
}
