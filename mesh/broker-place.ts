import type { BrokerAddress, FleetSpec } from "../src/fleet/spec.js";

/** Where a fleet's broker is, for what has to let its bridges reach it. */
export interface BrokerPlaces {
  /** Of brokers that are Services of the cluster. A NATS tells its clients of its other servers, which are there too. */
  readonly namespaces: readonly string[];
  /** Brokers outside the cluster. */
  readonly outside: readonly BrokerAddress[];
  /** Of all brokers. */
  readonly ports: readonly number[];
}

/** `name`, `name.namespace`, and both of a pod: `nats-0.nats.messaging.svc`; or with the cluster's domain. */
const SERVICE = /^[a-z0-9-]+(?:\.([a-z0-9-]+))?$/;
const SERVICE_HOST = /^(?:[a-z0-9-]+\.)?[a-z0-9-]+\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?$/;

/** The places of a fleet's broker; none where it has no bridges. */
export function brokerPlaces({ broker, bridges, namespace }: FleetSpec): BrokerPlaces {
  const servers = bridges.length === 0 ? [] : (broker?.servers ?? []);
  const inside = servers.map(({ host }) => namespaceOf(host, namespace));
  return {
    namespaces: unique(inside.filter((one) => one !== undefined)),
    outside: servers.filter((_, index) => inside[index] === undefined),
    ports: unique(servers.map(({ port }) => port)),
  };
}

/** Name by which the mesh's objects know a broker outside. An address is none, and gets a name that nothing resolves. */
export function brokerHost({ host }: BrokerAddress): string {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? `${host.replaceAll(".", "-")}.broker.internal` : host;
}

function namespaceOf(host: string, own: string): string | undefined {
  const short = SERVICE.exec(host);
  return short === null ? SERVICE_HOST.exec(host)?.[1] : (short[1] ?? own);
}

function unique<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}
