import { stat } from "node:fs/promises";
import { Fault } from "../contract/fault.js";
import type { Tensor } from "../contract/tensor.js";
import type { Runner } from "./batcher.js";
import type { Work } from "./inference.js";
import { processClockMs, type RunCost, type RunRequest, type WorkerSettings } from "./messages.js";
import { nearTurn } from "./near-turn.js";
import type { Job, JobResult, WorkerPool } from "./pool.js";
import { expectedMs, NEAR_LIMIT_MS } from "./run-cost.js";
import type { Session } from "./session.js";

/** Larger models are not held twice. */
const MAX_MODEL_BYTES = 8 * 2 ** 20;
/** A run that kept the server's thread this long was misjudged: health checks are to be answered within it. */
const MISJUDGED_MS = 10;

/** Whether runs of `cost` are shorter than the way to a worker of `pool`, which is to be idle, and back. */
export async function isCheaperNear(pool: WorkerPool, cost: RunCost, modelPath: string): Promise<boolean> {
  return cost.firstRowMs < (await pool.hopMs()) && (await stat(modelPath)).size <= MAX_MODEL_BYTES;
}

/** Whoever waits for a run. */
interface Waiting {
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
  /** Runs of the next turn. */
  #due = 0;
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
    return (this.near && !nearTurn.isFull) || this.#pool.idle;
  }

  /** A small job waits for room in the next turn, whatever a worker is doing; any other for a worker. */
  takes(work: Work, moreRows: number): boolean {
    return work.kind === "tensors" && this.#isSmall(work.inputs, moreRows) ? !nearTurn.isFull : this.#pool.idle;
  }

  get readyWorkers(): number {
    return Math.max(this.near ? 1 : 0, this.#pool.readyWorkers);
  }

  /**
   * Decides where jobs of `cost` are run, and loads the model here where that is the cheaper place.
   * @throws ModelError
   */
  async settle(cost: RunCost | undefined): Promise<void> {
    // Somebody wants runs at the same time, which one thread does not do.
    if (this.#pool.size > 1) return;
    if (cost === undefined || !(await isCheaperNear(this.#pool, cost, this.#settings.modelPath))) return;
    // ONNX Runtime is only loaded here where it is used.
    const { Session } = await import("./session.js");
    const session = await Session.load(this.#settings, 1);
    if (this.#closed) {
      session.release();
      return;
    }
    this.#near = { session, cost };
    nearTurn.join(this.#onIdle);
    // Most such models never need a worker again, and of hundreds in a process the workers would be most of the memory.
    this.#pool.rest();
  }

  run(job: Job): Promise<JobResult> {
    const { request } = job;
    if (request.kind !== "run" || !this.#isSmall(request.inputs, 0)) return this.#pool.run(job);
    const { session, cost } = this.#near!;
    return new Promise((resolve, reject) => {
      this.#due += 1;
      nearTurn.add(() => this.#make(session, request, { resolve, reject }), expectedMs(cost, request.inputs));
    });
  }

  #isSmall(inputs: readonly Tensor[], moreRows: number): boolean {
    return this.#near !== undefined && expectedMs(this.#near.cost, inputs, moreRows) <= NEAR_LIMIT_MS;
  }

  /** Ends the workers; nothing may be running or waiting. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#due > 0)
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    nearTurn.leave(this.#onIdle);
    this.#near?.session.release();
    this.#near = undefined;
    await this.#pool.close();
  }

  /** @returns tells whoever waits for the run */
  #make(session: Session, request: RunRequest, { resolve, reject }: Waiting): () => void {
    const startMs = processClockMs();
    const before = this.#watched > 0 ? process.cpuUsage() : undefined;
    this.#due -= 1;
    try {
      const outputs = session.run(request.inputs, request.outputs);
      const endMs = processClockMs();
      this.#watch(endMs - startMs, before);
      return () => {
        resolve({ kind: "ran", outputs, span: { startMs, endMs } });
        this.#onQuiet();
      };
    } catch (error) {
      const message = `${this.#settings.label}: the model failed on this input`;
      return () => {
        reject(new Fault("RUN_FAILED", message, { cause: (error as Error).message }));
        this.#onQuiet();
      };
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
    if (this.#misjudged !== MISJUDGED_RUNS) return;
    const session = this.#near?.session;
    this.#near = undefined;
    nearTurn.leave(this.#onIdle);
    // Other runs of this turn are still to be made with it.
    setImmediate(() => session?.release());
    this.#onGivenUp();
  }
}
