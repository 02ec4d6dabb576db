import { statSync } from "node:fs";
import type { Fault } from "../contract/fault.js";
import type { Signature } from "../contract/signature.js";
import { HeldCalls } from "./held-calls.js";
import type { ModelState, Outcome, Work } from "./inference.js";
import type { MemoryBudget, Tenant } from "./memory-budget.js";
import { processClockMs } from "./messages.js";
import { modelMemory, sessionBytes } from "./model-memory.js";
import { type ModelSettings, notReady, ServedModel } from "./served-model.js";
import type { ModelObserver, StartedModel } from "./started-model.js";
import { StatisticsRecorder } from "./statistics.js";

/**
 * A model that shares a memory budget with others. It is loaded once at first, so that it is known whether it can be; after
 * that it may be unloaded while nobody uses it, and the next call loads it again. It counts as ready all the while.
 */
export class OnDemandModel implements StartedModel, Tenant {
  readonly contract: string;
  readonly revision: string;
  readonly queueSize: number;
  readonly statistics = new StatisticsRecorder();
  problem: string | undefined;
  signature: Signature | undefined;
  digest: string | undefined;
  maxBatchRows: number;
  lastUsedMs = processClockMs();
  readonly #settings: ModelSettings;
  readonly #observer: ModelObserver;
  readonly #budget: MemoryBudget;
  readonly #held: HeldCalls;
  readonly #settled: Promise<void>;
  /** What is loaded, or being loaded or unloaded. */
  #resident: ServedModel | undefined;
  /** The same, while it takes calls. */
  #open: ServedModel | undefined;
  #loading: Promise<void> | undefined;
  #final: "FAILED" | "UNLOADED" | undefined;
  #reported: ModelState | undefined;
  #closing: Promise<void> | undefined;
  #growthBytes = 0;
  #lastBytes: number | undefined;
  #running = 0;

  constructor(settings: ModelSettings, observer: ModelObserver, budget: MemoryBudget) {
    this.contract = settings.contract;
    this.revision = settings.revision;
    this.queueSize = settings.queueSize;
    this.maxBatchRows = settings.batching.maxRows;
    this.#settings = settings;
    this.#observer = observer;
    this.#budget = budget;
    this.#held = new HeldCalls(settings.worker.label, settings.queueSize, (...refusal) => this.#onRefused(...refusal));
    this.#settled = this.#load();
  }

  /** READY also while it is unloaded to make room. */
  get state(): ModelState {
    return this.#final ?? this.#open?.state ?? (this.signature ? "READY" : "LOADING");
  }

  get resident(): boolean {
    return this.#open !== undefined;
  }

  get waiting(): number {
    return this.#held.size + (this.#resident?.waiting ?? 0);
  }

  get busy(): boolean {
    return this.#running > 0;
  }

  /** A worker that died is being started again: there would be nobody to see to that. */
  get pinned(): boolean {
    return this.#open?.state !== "READY";
  }

  get memoryBytes(): number {
    return this.#memory.bytes;
  }

  settled(): Promise<void> {
    return this.#settled;
  }

  submit(work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): () => void {
    this.lastUsedMs = processClockMs();
    if (this.#open) return this.#forward(this.#open, work, deadlineMs, settle);
    if (this.#final || this.#closing) {
      const fault = notReady(this);
      queueMicrotask(() => settle({ ok: false, fault }));
      return () => {};
    }
    const cancel = this.#held.hold(work, deadlineMs, settle);
    void this.#load();
    return cancel;
  }

  async evict(): Promise<void> {
    this.#open = undefined;
    await this.#letGo();
    if (!this.#closing) this.#observer.onUnload(this);
  }

  unload(): Promise<void> {
    this.#final ??= "UNLOADED";
    this.#report();
    return this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#open = undefined;
    this.#held.refuse(notReady(this));
    await this.#resident?.close();
    await this.#loading;
    await this.#letGo();
  }

  /** Once at a time, in the turn that the budget gives it. */
  #load(): Promise<void> {
    const isFirst = this.signature === undefined;
    this.#loading ??= this.#budget
      .load({
        neededBytes: this.#lastBytes ?? sessionBytes(fileBytes(this.#settings)),
        wanted: () => !this.#closing && (isFirst || this.#held.size > 0),
        load: () => this.#start(),
      })
      .finally(() => {
        this.#loading = undefined;
        // A call may have come after nobody wanted the model any more.
        if (this.#held.size > 0 && !this.#closing) void this.#load();
      });
    return this.#loading;
  }

  async #start(): Promise<Tenant | undefined> {
    const startMs = processClockMs();
    const beforeBytes = process.memoryUsage.rss();
    const resident = new ServedModel(this.#pinnedSettings(), this.#innerObserver(), this.statistics);
    this.#resident = resident;
    await resident.settled();
    if (this.#closing) return undefined;
    if (resident.state === "FAILED") return this.#fail(resident);
    this.#open = resident;
    this.#growthBytes = process.memoryUsage.rss() - beforeBytes;
    this.#learn(resident);
    this.#report();
    if (resident.state === "READY") this.#observer.onLoad(this, this.#memory, processClockMs() - startMs);
    this.#held.release((work, deadlineMs, settle) => this.#forward(resident, work, deadlineMs, settle));
    return this;
  }

  async #fail(resident: ServedModel): Promise<undefined> {
    this.problem = this.signature ? `it could not be loaded again: ${resident.problem}` : resident.problem;
    this.#final = "FAILED";
    this.#open = undefined;
    this.#report();
    this.#held.refuse(notReady(this));
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    if (this.#resident) this.#lastBytes = this.memoryBytes;
    await this.#resident?.close();
    this.#resident = undefined;
    this.#budget.forget(this);
  }

  #forward(to: ServedModel, work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): () => void {
    this.#running += 1;
    return to.submit(work, deadlineMs, (outcome) => {
      this.#running -= 1;
      this.lastUsedMs = processClockMs();
      settle(outcome);
    });
  }

  /** Counted as any call that is refused; those that are handed on are counted where they go. */
  #onRefused(fault: Fault, heldMs: number): void {
    const outcome: Outcome = { ok: false, fault };
    this.statistics.call(outcome, heldMs);
    this.#observer.onSubmit(this);
    this.#observer.onCall(this, outcome);
  }

  #learn({ signature, digest, maxBatchRows, problem }: ServedModel): void {
    this.signature = signature;
    this.digest = digest;
    this.maxBatchRows = maxBatchRows;
    this.problem = problem;
  }

  #report(): void {
    if (this.state === this.#reported) return;
    this.#reported = this.state;
    this.#observer.onState(this);
  }

  /** What answered under a revision's name once is what does so until an operator loads another. */
  #pinnedSettings(): ModelSettings {
    const { worker } = this.#settings;
    if (this.digest === undefined) return this.#settings;
    return { ...this.#settings, worker: { ...worker, sha256: worker.sha256 ?? this.digest } };
  }

  /** Passes on what is news of this model: not that it is ready again, nor what was said when it was loaded before. */
  #innerObserver(): ModelObserver {
    const outer = this.#observer;
    const isFirst = this.signature === undefined;
    return {
      onState: (model) => {
        if (model !== this.#open) return;
        if (model.state === "FAILED") return void this.#fail(model as ServedModel);
        this.#learn(model as ServedModel);
        this.#report();
      },
      onWarning: (_, message) => {
        if (isFirst) outer.onWarning(this, message);
      },
      onGone: () => {},
      onCrash: (_, problem, restartMs) => outer.onCrash(this, problem, restartMs),
      onSubmit: () => outer.onSubmit(this),
      onCall: (_, outcome) => outer.onCall(this, outcome),
      onRun: (_, rows, inferMs) => outer.onRun(this, rows, inferMs),
      onLoad: () => {},
      onUnload: () => {},
    };
  }

  get #memory() {
    return modelMemory(this.#resident?.sizedBytes ?? 0, this.#growthBytes);
  }
}

function fileBytes({ worker }: ModelSettings): number {
  return statSync(worker.modelPath, { throwIfNoEntry: false })?.size ?? 0;
}
