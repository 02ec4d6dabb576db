import { Fault } from "../contract/fault.js";
import { givenUp } from "./batcher.js";
import type { Outcome, Work } from "./inference.js";
import { processClockMs } from "./messages.js";

/** One call that is held; its parts as `Model.submit` takes them. */
interface HeldCall {
  readonly work: Work;
  readonly deadlineMs: number;
  readonly settle: (outcome: Outcome) => void;
  readonly sinceMs: number;
  readonly timer: NodeJS.Timeout | undefined;
  /** Gives the call up: here, and once it has been handed on, there. */
  cancel: () => void;
}

type Submit = (work: Work, deadlineMs: number, settle: (outcome: Outcome) => void) => () => void;

/** Node's timers count no further. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls that wait until their model is loaded. */
export class HeldCalls {
  readonly #label: string;
  readonly #limit: number;
  readonly #onRefused: (fault: Fault, heldMs: number) => void;
  readonly #calls = new Set<HeldCall>();

  /**
   * @param limit calls that may wait
   * @param onRefused told of each call that ends here, and how long it was held
   */
  constructor(label: string, limit: number, onRefused: (fault: Fault, heldMs: number) => void) {
    this.#label = label;
    this.#limit = limit;
    this.#onRefused = onRefused;
  }

  get size(): number {
    return this.#calls.size;
  }

  /**
   * Holds a call, or refuses it with OVERLOADED or DEADLINE. `settle` is called once, after this returned.
   * @returns gives the call up
   */
  hold(work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): () => void {
    const leftMs = deadlineMs - Date.now();
    const fault = this.#refusal(leftMs);
    if (fault) {
      this.#onRefused(fault, 0);
      queueMicrotask(() => settle({ ok: false, fault }));
      return () => {};
    }
    const timer = leftMs <= LONGEST_TIMER_MS ? setTimeout(() => this.#leave(call, this.#late()), leftMs) : undefined;
    const call: HeldCall = {
      work,
      deadlineMs,
      settle,
      sinceMs: processClockMs(),
      timer,
      cancel: () => this.#leave(call, givenUp(deadlineMs)),
    };
    this.#calls.add(call);
    return () => call.cancel();
  }

  /** Hands all calls on, in the order they came. The time that each was held counts as waiting for a worker. */
  release(submit: Submit): void {
    for (const call of this.#take()) {
      const heldMs = processClockMs() - call.sinceMs;
      call.cancel = submit(call.work, call.deadlineMs, (outcome) => call.settle(later(outcome, heldMs)));
    }
  }

  /** Settles all calls with `fault`. */
  refuse(fault: Fault): void {
    for (const call of this.#take()) this.#refuse(call, fault);
  }

  #refusal(leftMs: number): Fault | undefined {
    if (leftMs <= 0) return this.#late();
    if (this.#calls.size < this.#limit) return undefined;
    const message = `${this.#label}: the queue is full: ${this.#calls.size} calls wait for the model to be loaded; try again`;
    return new Fault("OVERLOADED", message);
  }

  #late(): Fault {
    return new Fault("DEADLINE", `${this.#label}: the deadline passed before the model was loaded`);
  }

  #leave(call: HeldCall, fault: Fault): void {
    if (!this.#calls.delete(call)) return;
    clearTimeout(call.timer);
    this.#refuse(call, fault);
  }

  #refuse({ settle, sinceMs }: HeldCall, fault: Fault): void {
    this.#onRefused(fault, processClockMs() - sinceMs);
    settle({ ok: false, fault });
  }

  #take(): HeldCall[] {
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const { timer } of calls) clearTimeout(timer);
    return calls;
  }
}

function later(outcome: Outcome, heldMs: number): Outcome {
  if (!outcome.ok) return outcome;
  return { ...outcome, timing: { ...outcome.timing, queueMs: outcome.timing.queueMs + heldMs } };
}
