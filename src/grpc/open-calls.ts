import type { EventEmitter } from "node:events";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";

type Handler = (call: EventEmitter, callback?: (...answer: unknown[]) => void) => void;

/**
 * Counts the calls that are open, so that a drain knows when the last one is answered: grpc-js waits for connections,
 * and one that never said a word would hold it up.
 */
export class OpenCalls {
  #open = 0;
  readonly #waiting: (() => void)[] = [];

  /** The same methods, counted. */
  count(implementation: UntypedServiceImplementation): UntypedServiceImplementation {
    const counted = Object.entries(implementation).map(([name, handler]) => [name, this.#count(handler as Handler)]);
    return Object.fromEntries(counted) as UntypedServiceImplementation;
  }

  /** Counts one. */
  began(): void {
    this.#open += 1;
  }

  /** One that was counted is over. */
  ended(): void {
    this.#open -= 1;
    if (this.#open === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when no call is open. */
  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #count(handler: Handler): Handler {
    return (call, callback) => {
      const end = this.#begin();
      call.once("cancelled", end);
      if (callback) {
        handler(call, (...answer) => {
          callback(...answer);
          end();
        });
      } else {
        call.once("finish", end);
        call.once("close", end);
        call.once("error", end);
        handler(call);
      }
    };
  }

  #begin(): () => void {
    this.began();
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.ended();
    };
  }
}
