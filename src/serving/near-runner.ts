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
  /** Runs that have been taken on, and what they will take together. */
  #running = 0;
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
    if (this.#closed) return session.release();
    this.#near = { session, cost };
    // Most such models never need a worker again, and of hundreds in a process the workers would be most of the memory.
    this.#pool.rest();
  }

  run(job: Job): Promise<JobResult> {
    const { request } = job;
    if (this.#near === undefined || request.kind !== "run") return this.#pool.run(job);
    const expected = expectedMs(this.#near.cost, request.inputs);
    if (expected > NEAR_LIMIT_MS) return this.#pool.run(job);
    return this.#runNear(this.#near.session, request, expected);
  }

  /** Ends the workers; nothing may be running or waiting. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running > 0)
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    await this.#near?.session.release();
    this.#near = undefined;
    await this.#pool.close();
  }

  async #runNear(session: Session, { inputs, outputs }: RunRequest, expected: number): Promise<JobResult> {
    this.#running += 1;
    this.#takenMs += expected;
    let startMs = 0;
    let before: NodeJS.CpuUsage | undefined;
    try {
      // ONNX Runtime for Node begins a run with an immediate of its own, which comes right after this one.
      setImmediate(() => {
        startMs = processClockMs();
        if (this.#watched > 0) before = process.cpuUsage();
      });
      const results = await session.run(inputs, outputs);
      const endMs = processClockMs();
      this.#watch(endMs - startMs, before);
      return { kind: "ran", outputs: results, span: { startMs, endMs } };
    } catch (error) {
      const message = `${this.#settings.label}: the model failed on this input`;
      throw new Fault("RUN_FAILED", message, { cause: (error as Error).message });
    } finally {
      const wasFull = !this.idle;
      this.#running -= 1;
      this.#takenMs -= expected;
      if (this.#running === 0) this.#onQuiet();
      if (wasFull) setImmediate(this.#onIdle);
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
