import { Command, Option } from "commander";
import type { Registry } from "prom-client";
import type { Channel } from "../client/call.js";
import { openChannel } from "../client/connect.js";
import type { Bridge } from "../events/bridge.js";
import type { Broker } from "../events/broker.js";
import { PORT } from "../fleet/names.js";
import { createLog, LOG_LEVELS, type Log, type LogLevel } from "../telemetry/log.js";
import { Metrics } from "../telemetry/metrics.js";
import { startMetricsEndpoint } from "../telemetry/metrics-endpoint.js";
import { endSignal } from "./end-signal.js";
import { type EventOptions, withEventOptions } from "./event-options.js";
import { listening } from "./listening.js";
import { parsePort } from "./number-options.js";
import { openEvents } from "./open-events.js";
import { bridgeOf, runUntil } from "./run-bridge.js";
import { toCredentials } from "./target.js";

interface BridgeOptions extends EventOptions {
  readonly name: string;
  readonly host: string;
  readonly metricsPort: number;
  readonly logLevel: LogLevel;
  readonly output: "table" | "json";
}

const HELP = `
Events are CloudEvents 1.0, binary or structured, with a request of the contract as JSON or protobuf. An event is
acknowledged once its prediction is stored; predictions of one event have one id, and NATS stores one of them. Kafka stores
a prediction and its event's offset as one. Events that can't be predicted go to the dead letters as they came, with
headers that say why.

GET /metrics, /healthz and /readyz are on the metrics port. Ctrl-C takes no more events, finishes those in flight, and ends.

Examples:
  flotilla bridge --contract acme.tumor.v1 --stream SCANS --subject scans.taken --to scans.scored --dead-letter scans.failed
  flotilla bridge --name scores --contract acme.tumor.v1 --stream SCANS --subject 'scans.taken.*' --to scans.scored \\
    --dead-letter scans.failed --order-by partitionkey --window-size 32 --servers nats://nats.messaging:4222
  flotilla bridge --name scores --contract acme.tumor.v1 --subject scans-taken --to scans-scored \\
    --dead-letter scans-failed --servers kafka://kafka.messaging:9092`;

/** `flotilla bridge`: events in, calls of a contract, predictions out. */
export function createBridgeCommand(): Command {
  return withEventOptions(
    new Command("bridge").description(
      "Take events from NATS JetStream or Kafka, call a contract for each, publish the predictions.",
    ),
  )
    .option("--name <name>", "name of the bridge, and of its durable consumer or consumer group", "bridge")
    .option("--host <address>", "address of the metrics; 0.0.0.0 for others' machines", "127.0.0.1")
    .option("--metrics-port <port>", "port of the metrics and probes; 0 for any free one", parsePort, PORT.metrics)
    .addOption(new Option("--log-level <level>", "least severity that is logged").choices(LOG_LEVELS).default("info"))
    .addOption(new Option("--output <format>", "how to print it").choices(["table", "json"]).default("table"))
    .addHelpText("after", HELP)
    .action(bridge);
}

/** What probes ask for. */
interface BridgeState {
  broker?: Broker;
  isReady: boolean;
}

async function bridge(options: BridgeOptions): Promise<void> {
  const { name, host, metricsPort } = options;
  const log = createLog(options.logLevel);
  const ending = endSignal();
  const { registry } = new Metrics();
  const state: BridgeState = { isReady: false };
  const probes = { "/healthz": () => true, "/readyz": () => state.isReady && state.broker?.isConnected === true };
  const endpoint = await listening(metricsPort, "--metrics-port", () =>
    startMetricsEndpoint(registry, { host, port: metricsPort, probes }),
  );
  const channel = openChannel(options.target, { from: name, credentials: toCredentials(options) });
  try {
    const started = await Promise.race([start(options, { state, channel, registry, log }), ending]);
    if (started) {
      announce(options, `http://${host}:${endpoint.port}/metrics`);
      await work(started, { state, ending, log, drainMs: options.drainTimeout });
    }
  } finally {
    await state.broker?.close().catch((error: Error) => log.warn(error.message));
    channel.client.close();
    await endpoint.close();
  }
  // What waits for a broker or a fleet that is not there would keep the process.
  process.exit(process.exitCode ?? 0);
}

interface Around {
  readonly state: BridgeState;
  readonly log: Log;
}

async function start(
  options: BridgeOptions,
  { state, log, channel, registry }: Around & { readonly channel: Channel; readonly registry: Registry },
): Promise<Bridge> {
  const { name } = options;
  const onProblem = (error: Error) => log.warn(error.message);
  const onConnected = (broker: Broker) => {
    state.broker = broker;
  };
  const { broker, subscription } = await openEvents(options, { name, onProblem, onConnected });
  return bridgeOf(options, { name, channel, broker, subscription, registry, log });
}

async function work(
  bridge: Bridge,
  { state, log, ending, drainMs }: Around & { readonly ending: Promise<void>; readonly drainMs: number },
): Promise<void> {
  state.isReady = true;
  try {
    const isDrained = await runUntil(bridge, ending, drainMs);
    if (!isDrained) log.warn("the drain took too long: events in flight go back to the broker");
  } finally {
    state.isReady = false;
  }
}

function announce({ output, name, contract, stream, subject, to, target }: BridgeOptions, metrics: string): void {
  if (output === "json") {
    process.stdout.write(`${JSON.stringify({ bridge: name, contract, target, stream, subject, to, metrics })}\n`);
    return;
  }
  process.stdout.write(`${stream === undefined ? "" : `${stream} `}${subject} -> ${contract} at ${target} -> ${to}\n`);
  process.stderr.write(`metrics at ${metrics}; Ctrl-C ends\n`);
}
