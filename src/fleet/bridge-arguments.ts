import { PORT, serviceHost } from "./names.js";
import type { BridgeSpec, FleetSpec } from "./spec.js";
import { formatMs } from "./units.js";

/** Folder that the broker's secret is mounted at. */
export const CREDENTIALS_FOLDER = "/etc/flotilla/broker";

/** How long a bridge that is told to end may take for what it has begun, at least. */
const DRAIN_MS = 20_000;

/** How long one call of a bridge may take: as long as the contract says of the method. */
export function bridgeDeadlineMs({ contracts }: FleetSpec, { contract, method }: BridgeSpec): number {
  const { methods, deadlineMs } = contracts.find(({ name }) => name === contract)!;
  return methods.get(method)?.deadlineMs ?? deadlineMs;
}

/** How long a bridge may take to end: a call that has begun is waited for. */
export function bridgeDrainMs(fleet: FleetSpec, bridge: BridgeSpec): number {
  return Math.max(DRAIN_MS, bridgeDeadlineMs(fleet, bridge));
}

/** Arguments of `flotilla bridge`, as a bridge's container has them. */
export function bridgeArguments(fleet: FleetSpec, bridge: BridgeSpec): string[] {
  return [
    ...["bridge", "--name", bridge.name, "--host", "0.0.0.0"],
    ...brokerArguments(fleet),
    ...["--contract", bridge.contract, "--method", bridge.method],
    ...["--target", `${serviceHost(bridge.contract, fleet.namespace)}:${PORT.grpc}`],
    ...(bridge.from.stream === undefined ? [] : ["--stream", bridge.from.stream]),
    ...["--subject", bridge.from.subject],
    ...["--to", bridge.to, "--dead-letter", bridge.deadLetter],
    ...workArguments(bridge),
    ...["--deadline", formatMs(bridgeDeadlineMs(fleet, bridge))],
    ...["--drain-timeout", formatMs(bridgeDrainMs(fleet, bridge))],
  ];
}

function brokerArguments({ broker }: FleetSpec): string[] {
  const { kind, servers, secret, tls, sasl } = broker!;
  return [
    ...["--servers", servers.map(({ host, port }) => `${kind}://${host}:${port}`).join()],
    ...(secret === undefined ? [] : ["--credentials", CREDENTIALS_FOLDER]),
    ...(tls ? ["--broker-tls"] : []),
    ...(sasl === undefined ? [] : ["--sasl", sasl]),
  ];
}

function workArguments({ orderBy, maxInFlight, window, retries, format, mode }: BridgeSpec): string[] {
  return [
    ...(orderBy === undefined ? [] : ["--order-by", orderBy]),
    ...["--max-in-flight", String(maxInFlight)],
    ...(window ? ["--window-size", String(window.maxSize), "--window-delay", formatMs(window.maxDelayMs)] : []),
    ...["--retries", String(retries.attempts), "--backoff", formatMs(retries.backoffMs)],
    ...["--max-backoff", formatMs(retries.maxBackoffMs), "--format", format, "--mode", mode],
  ];
}
