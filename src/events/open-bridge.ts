import { setTimeout as delay } from "node:timers/promises";
import type { Registry } from "prom-client";
import type { Channel } from "../client/call.js";
import { CallError } from "../client/call-error.js";
import type { CallOptions } from "../client/call-options.js";
import { type FoundMethod, findByReflection, type MethodName } from "../client/find-method.js";
import { isServing as askHealth } from "../client/health.js";
import { Reflection } from "../client/reflect.js";
import { HopMetrics } from "../telemetry/hop-metrics.js";
import { Bridge, type BridgeParts, type BridgeSettings } from "./bridge.js";
import { BridgeMetrics } from "./bridge-metrics.js";
import { createWindowedCall, type WindowOptions } from "./call-window.js";
import { createFleetCall } from "./fleet-call.js";
import { Pace } from "./pace.js";

/** A bridge, before it takes its first event. */
export interface OpenBridgeOptions
  extends Pick<BridgeParts, "broker" | "subscription" | "onProblem" | "onDead" | "onDone"> {
  readonly channel: Channel;
  readonly settings: BridgeSettings;
  readonly maxInFlight: number;
  readonly window?: WindowOptions | undefined;
  /** Of one call. */
  readonly deadlineMs: number;
  readonly pins?: CallOptions["pins"];
  readonly registry: Registry;
}

const QUESTION_DEADLINE_MS = 5000;
const AGAIN_MS = 1000;

/**
 * Asks the fleet for the method, and waits for a fleet that isn't there yet.
 * @throws Error where the server has no such method, or one that streams
 */
export async function waitForMethod(
  channel: Channel,
  name: MethodName,
  onProblem: (error: Error) => void,
): Promise<FoundMethod> {
  for (;;) {
    try {
      const found = await findByReflection(new Reflection(channel, { deadlineMs: QUESTION_DEADLINE_MS }), name);
      if (found.method.methodKind === "unary") return found;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      onProblem(error);
      await delay(AGAIN_MS);
      continue;
    }
    throw new Error(`${name.contract}/${name.method} is a stream, and an event is one request with one answer`);
  }
}

/**
 * Puts a bridge together: its call, its window, its metrics.
 * @throws Error where the method's messages can't be joined, and a window is asked for
 */
export function openBridge(options: OpenBridgeOptions): Bridge {
  const { settings, subscription, broker, registry, window, maxInFlight } = options;
  const contract = settings.found.method.parent.file.proto.package;
  const pace = new Pace(maxInFlight);
  const hops = new HopMetrics(registry);
  const single = createFleetCall({ ...options, found: settings.found, pace, onHop: hops.onHop });
  const call = window ? createWindowedCall(single, settings.found, window) : single;
  const isServing = shared(() =>
    askHealth(options.channel, settings.found.method.parent.typeName, { deadlineMs: QUESTION_DEADLINE_MS }),
  );
  const metrics = new BridgeMetrics(registry, { bridge: settings.bridge, contract });
  const bridge = new Bridge(settings, {
    ...options,
    broker,
    subscription,
    call,
    callAgain: single,
    isServing,
    metrics,
  });
  metrics.watch({ inFlight: () => bridge.inFlight, pace: () => pace.limit, lag: () => subscription.lag() });
  return bridge;
}

/** Who asks while a question is open gets its answer. */
function shared<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let open: Promise<Value> | undefined;
  return () => {
    open ??= ask().finally(() => {
      open = undefined;
    });
    return open;
  };
}
