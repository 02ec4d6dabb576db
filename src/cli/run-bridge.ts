import type { Registry } from "prom-client";
import type { Channel } from "../client/call.js";
import type { Bridge } from "../events/bridge.js";
import type { Broker, Subscription } from "../events/broker.js";
import { type OpenBridgeOptions, openBridge, waitForMethod } from "../events/open-bridge.js";
import type { Log } from "../telemetry/log.js";
import type { EventOptions } from "./event-options.js";

/** What is around a bridge that a command runs. */
export interface BridgeSurroundings extends Pick<OpenBridgeOptions, "pins" | "onDone"> {
  readonly name: string;
  /** What parts its predictions from those of another run over the same events. */
  readonly scope?: string | undefined;
  readonly channel: Channel;
  readonly broker: Broker;
  readonly subscription: Subscription;
  readonly registry: Registry;
  readonly log: Log;
}

/** The longest event that is read. */
const MAX_EVENT_BYTES = 16 * 2 ** 20;

/** A bridge as the options of a command describe it. Waits for the fleet. */
export async function bridgeOf(options: EventOptions, around: BridgeSurroundings): Promise<Bridge> {
  const { name, scope, log, channel } = around;
  const { contract, method } = options;
  const found = await waitForMethod(channel, { contract, method }, (error) => log.warn(error.message));
  return openBridge({
    ...around,
    settings: {
      bridge: name,
      scope,
      found,
      format: options.format,
      orderBy: options.orderBy,
      to: options.to,
      deadLetter: options.deadLetter,
      mode: options.mode,
      retries: { attempts: options.retries, backoffMs: options.backoff, maxBackoffMs: options.maxBackoff },
      maxEventBytes: MAX_EVENT_BYTES,
    },
    maxInFlight: options.maxInFlight,
    window: options.windowSize > 1 ? { maxSize: options.windowSize, maxDelayMs: options.windowDelay } : undefined,
    deadlineMs: options.deadline,
    onProblem: (error) => log.warn(error.message),
    onDead: ({ reason, message, attempts }, { position }) =>
      log.warn({ position, reason, attempts }, `an event went to the dead letters: ${message}`),
  });
}

/**
 * Runs a bridge until it is told to end, and then until what is in flight is done.
 * @returns whether all of it was
 */
export async function runUntil(bridge: Bridge, ending: Promise<void>, drainMs: number): Promise<boolean> {
  const running = bridge.run();
  await Promise.race([ending, running]);
  bridge.stop();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), drainMs);
  });
  const isDrained = await Promise.race([running.then(() => true), late]);
  clearTimeout(timer);
  return isDrained;
}
