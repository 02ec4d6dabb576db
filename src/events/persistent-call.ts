import type { Message } from "@bufbuild/protobuf";
import { CallError } from "../client/call-error.js";
import { backoffMs, type EventRetries, pause, STOPPED } from "./backoff.js";
import type { BridgeMetrics } from "./bridge-metrics.js";
import { EventError, HaltError } from "./event-error.js";
import { type FleetCall, judgeFailure } from "./fleet-call.js";
import { Lanes } from "./lanes.js";
import type { Answer } from "./prediction-event.js";

/** What calls for events are made with. */
export interface PersistentCallOptions {
  /** Calls for the first time, maybe with other events in one call. */
  readonly call: FleetCall;
  /** Calls again, for this event alone. */
  readonly callAgain: FleetCall;
  /** Whether the fleet serves the contract now; undefined where nobody says. */
  readonly isServing: () => Promise<boolean | undefined>;
  readonly retries: EventRetries;
  readonly metrics: BridgeMetrics;
  /** Ends what waits to be tried again. */
  readonly signal: AbortSignal;
}

/** What has come of an event so far. */
interface Tries {
  failures: number;
  /** Failures that are its own fault, as far as one can know. */
  own: number;
  /** Calls whose server was lost. */
  losses: number;
}

/** So often is it called beside others: most of those whose server is lost go down with another one. */
const LOSSES_TOGETHER = 2;

/**
 * Calls for an event until it is answered, or is known to fail. An event that servers die of takes others with it:
 *
 *     all in flight are lost -> served again: all are called again -> lost again: one is called at a time
 *
 * Who is lost by itself, at a server that said that it serves, has failed by its own fault.
 */
export class PersistentCall {
  readonly #options: PersistentCallOptions;
  readonly #suspects = new Lanes();

  constructor(options: PersistentCallOptions) {
    this.#options = options;
  }

  /** @throws EventError where it fails for good, HaltError where all would, STOPPED */
  async make(request: Message, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const { metrics, signal } = this.#options;
    const tries: Tries = { failures: 0, own: 0, losses: 0 };
    for (;;) {
      if (signal.aborted) throw STOPPED;
      const startedMs = performance.now();
      try {
        return await this.#try(request, headers, tries);
      } catch (error) {
        await this.#recover(error, tries);
      } finally {
        metrics.called(performance.now() - startedMs);
      }
    }
  }

  async #try(request: Message, headers: Readonly<Record<string, string>>, tries: Tries): Promise<Answer> {
    const { call, callAgain } = this.#options;
    if (tries.failures === 0) return call(request, headers);
    if (tries.losses === 0) return callAgain(request, headers);
    if (tries.losses < LOSSES_TOGETHER) {
      await this.#served();
      return callAgain(request, headers);
    }
    return this.#suspects.run("", async () => {
      const isKnown = await this.#served();
      try {
        return await callAgain(request, headers);
      } catch (error) {
        if (isKnown && judgeFailure(error) === "lost") tries.own += 1;
        throw error;
      }
    });
  }

  /** Waits for the next try, where there is one. */
  async #recover(error: unknown, tries: Tries): Promise<void> {
    if (error === STOPPED || error instanceof HaltError) throw error;
    const { retries, metrics, signal } = this.#options;
    const failure = judgeFailure(error);
    tries.failures += 1;
    if (failure === "retry") tries.own += 1;
    if (failure === "lost") tries.losses += 1;
    if (failure === "refused") throw toEventError("REFUSED", error, tries.failures);
    if (tries.own > retries.attempts) throw toEventError("FAILED", error, tries.failures);
    const { codeName, retryAfterMs = 0 } = error as CallError;
    metrics.retry(codeName);
    await pause(Math.max(backoffMs(retries, tries.failures), retryAfterMs), signal);
  }

  /** Waits until the contract is served. Returns false where nobody says whether it is. */
  async #served(): Promise<boolean> {
    const { isServing, retries, signal } = this.#options;
    for (let asked = 1; ; asked++) {
      const answer = await isServing();
      if (signal.aborted) throw STOPPED;
      if (answer !== false) return answer ?? false;
      await pause(backoffMs(retries, asked), signal);
    }
  }
}

function toEventError(reason: EventError["reason"], error: unknown, attempts: number): EventError {
  if (error instanceof EventError) return error;
  const message = error instanceof CallError ? `${error.codeName}: ${error.details}` : String(error);
  return new EventError(reason, message, attempts);
}
