import type { Metadata } from "@grpc/grpc-js";
import { context } from "@opentelemetry/api";
import type { IncomingCall } from "../client/call-options.js";
import type { CompositionCall } from "../client/composition.js";
import { fanOut } from "../client/fan-out.js";
import { Fault } from "../contract/fault.js";
import type { MessageWork } from "../serving/inference.js";
import { contextOf } from "../telemetry/trace.js";

/** Longest time that a timer can count, in milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One call that a composition answers: whose it is, how long it may take, and whether it has been given up. */
export class ComposedCall {
  readonly #work: MessageWork;
  readonly #deadlineMs: number;
  readonly #reserveMs: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** @param times.deadlineMs absolute epoch milliseconds; Infinity for none */
  constructor(work: MessageWork, times: { readonly deadlineMs: number; readonly reserveMs: number }) {
    this.#work = work;
    this.#deadlineMs = times.deadlineMs;
    this.#reserveMs = times.reserveMs;
  }

  /** What the calls that are made to answer this one belong to. They have to be over while there is time to answer. */
  get parent(): IncomingCall {
    const { signal } = this.#controller;
    return {
      metadata: this.#work.headers as Metadata,
      get cancelled() {
        return signal.aborted;
      },
      getDeadline: () => this.#deadlineMs - this.#reserveMs,
      once: (_event, listener) => signal.addEventListener("abort", listener, { once: true }),
    };
  }

  /** What the composition's own code is told. */
  get told(): CompositionCall {
    const { signal } = this.#controller;
    return {
      signal,
      deadlineMs: this.#deadlineMs - this.#reserveMs,
      fanOut: (items, work, options) => fanOut(items, work, { ...options, signal }),
    };
  }

  /**
   * Does the work in the trace that the call carries.
   * @throws whatever it threw; Fault DEADLINE once the time is over, CANCELLED once the call was given up
   */
  run<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#controller.signal.addEventListener("abort", () => reject(this.#controller.signal.reason), { once: true });
      const leftMs = this.#deadlineMs - Date.now();
      if (leftMs < LONGEST_TIMER_MS) this.#timer = setTimeout(() => this.#late(), leftMs);
      context.with(contextOf(this.#work.headers), () => work().then(resolve, reject));
    });
  }

  /** Gives the call up, and with it those that it made. */
  cancel(): void {
    this.#controller.abort(new Fault("CANCELLED", "the call was cancelled"));
  }

  /** To be called once it is settled: calls that are still open answer to nobody. */
  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort(new Fault("CANCELLED", "the call is over"));
  }

  #late(): void {
    this.#controller.abort(new Fault("DEADLINE", "the deadline passed while the calls that it makes were open"));
  }
}
