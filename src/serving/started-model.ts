import type { Model, Outcome } from "./inference.js";
import type { ModelMemory } from "./model-memory.js";

/** How one revision is served, whatever it is. */
export interface RevisionSettings {
  readonly contract: string;
  readonly revision: string;
  /** Calls that may wait before more are shed; of a composition, calls that may be open. */
  readonly queueSize: number;
}

/** A model that somebody started, and has to end. */
export interface StartedModel extends Model {
  /** Resolves once the model is ready or has failed. */
  settled(): Promise<void>;
  /** Takes the model out of service: it says so, and closes. */
  unload(): Promise<void>;
  /** Takes no more calls, answers those it holds, and lets go of what it needed for them. */
  close(): Promise<void>;
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
  /** A model that is loaded on demand was, in so long. */
  onLoad(model: Model, memory: ModelMemory, tookMs: number): void;
  /** It was unloaded to make room; the next call loads it again. */
  onUnload(model: Model): void;
}
