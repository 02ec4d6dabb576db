import { type BridgeFile, type BrokerFile, EVENT_DEFAULTS } from "./schema-events.js";
import type { BridgeReplicaSpec, BridgeSpec, BrokerAddress, BrokerSpec, EventRetrySpec, WindowSpec } from "./spec.js";
import { toBytes, toMs } from "./units.js";

export function resolveBroker(broker: BrokerFile | undefined): BrokerSpec | undefined {
  if (broker === undefined) return undefined;
  const { nats, kafka } = broker;
  const of = nats ?? kafka!;
  const addresses = nats ? nats.servers.map((server) => server.slice("nats://".length)) : kafka!.brokers;
  const usualPort = nats ? EVENT_DEFAULTS.natsPort : EVENT_DEFAULTS.kafkaPort;
  return {
    kind: nats ? "nats" : "kafka",
    servers: addresses.map((address) => toAddress(address, usualPort)),
    secret: of.secret,
    tls: of.tls ?? EVENT_DEFAULTS.tls,
    sasl: kafka?.sasl,
    monitoring: nats?.monitoring,
    account: nats?.account ?? EVENT_DEFAULTS.natsAccount,
  };
}

function toAddress(text: string, usualPort: number): BrokerAddress {
  const [host, port] = text.split(":") as [string, string | undefined];
  return { host, port: port === undefined ? usualPort : Number(port) };
}

/** Subject or topic of a place; which of the two the rules have looked at. */
function nameOf({
  subject,
  topic,
}: {
  readonly subject?: string | undefined;
  readonly topic?: string | undefined;
}): string {
  return (topic ?? subject)!;
}

export function resolveBridge(bridge: BridgeFile): BridgeSpec {
  const { name, contract, from, to, deadLetter, orderBy, resources } = bridge;
  const cpu = resources?.cpu ?? EVENT_DEFAULTS.cpu;
  return {
    name,
    contract,
    method: bridge.method ?? EVENT_DEFAULTS.method,
    from: { stream: from.stream, subject: nameOf(from) },
    to: nameOf(to),
    deadLetter: nameOf(deadLetter),
    orderBy,
    maxInFlight: bridge.maxInFlight ?? EVENT_DEFAULTS.maxInFlight,
    window: resolveWindow(bridge),
    retries: resolveRetries(bridge),
    format: bridge.format ?? EVENT_DEFAULTS.format,
    mode: bridge.mode ?? EVENT_DEFAULTS.mode,
    resources: {
      cpu,
      cpuRequest: resources?.cpuRequest ?? cpu,
      memoryBytes: resources?.memory ?? toBytes(EVENT_DEFAULTS.memory),
    },
    replicas: resolveReplicas(bridge),
  };
}

function resolveWindow({ window }: BridgeFile): WindowSpec | undefined {
  if (window === undefined) return undefined;
  return { maxSize: window.maxSize, maxDelayMs: window.maxDelay ?? toMs(EVENT_DEFAULTS.windowMaxDelay) };
}

/** Waits as they come to be, also where the file says one of the two. */
export function resolveRetries({ retries }: Pick<BridgeFile, "retries">): EventRetrySpec {
  return {
    attempts: retries?.attempts ?? EVENT_DEFAULTS.attempts,
    backoffMs: retries?.backoff ?? toMs(EVENT_DEFAULTS.backoff),
    maxBackoffMs: retries?.maxBackoff ?? toMs(EVENT_DEFAULTS.maxBackoff),
  };
}

/** Replicas as they come to be, also where the file says one of the two. */
export function resolveReplicas({
  replicas,
  scaleOnLag,
}: Pick<BridgeFile, "replicas" | "scaleOnLag">): BridgeReplicaSpec {
  const min = replicas?.min ?? Math.min(EVENT_DEFAULTS.replicasMin, replicas?.max ?? EVENT_DEFAULTS.replicasMin);
  const usualMax = scaleOnLag === undefined ? min : EVENT_DEFAULTS.replicasMax;
  return { min, max: replicas?.max ?? Math.max(usualMax, min), scaleOnLag };
}
