import type { IServiceEntry } from "@kubernetes-models/istio/networking.istio.io/v1/ServiceEntry";
import type { Member } from "../src/fleet/members.js";
import type { FleetSpec } from "../src/fleet/spec.js";
import { brokerHost, brokerPlaces } from "./broker-place.js";
import { fleetMetadata } from "./metadata.js";
import { isAddress, meshHost, type ObjectStore, objectStores, storeNamespace } from "./object-store.js";

/**
 * The stores outside the cluster that models are fetched from. Pods reach what the mesh knows and nothing else, and with
 * native sidecars that holds for the container that fetches the model too. One object a host, as contracts share stores.
 */
export function serviceEntries(fleet: FleetSpec, members: readonly Member[]): IServiceEntry[] {
  const byHost = new Map<string, Map<number, ObjectStore>>();
  for (const store of members.flatMap(({ contract }) => objectStores(contract))) {
    if (storeNamespace(store) !== undefined) continue;
    const ports = byHost.get(store.host) ?? new Map<number, ObjectStore>();
    byHost.set(store.host, ports.set(store.port, store));
  }
  return [...byHost.values()].map((ports) => serviceEntry(fleet, [...ports.values()]));
}

/** @param stores ports of one host, at least one */
function serviceEntry(fleet: FleetSpec, stores: readonly ObjectStore[]): IServiceEntry {
  const store = stores[0]!;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: fleetMetadata(fleet, store.host),
    spec: {
      hosts: [meshHost(store)],
      ...(isAddress(store) && { addresses: [store.host], endpoints: [{ address: store.host }] }),
      ports: stores.map((one) => ({
        number: one.port,
        name: `${portProtocol(one).toLowerCase()}-${one.port}`,
        protocol: portProtocol(one),
      })),
      resolution: isAddress(store) ? "STATIC" : "DNS",
      location: "MESH_EXTERNAL",
      exportTo: ["."],
    },
  };
}

/**
 * The broker's servers outside the cluster. Connections go where the bridge has resolved their names to: Envoy can't tell
 * several servers of one port apart before they have spoken.
 */
export function brokerEntries(fleet: FleetSpec): IServiceEntry[] {
  const { outside } = brokerPlaces(fleet);
  if (outside.length === 0) return [];
  return [
    {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: fleetMetadata(fleet, `${fleet.name}-broker`),
      spec: {
        hosts: [...new Set(outside.map(brokerHost))],
        ports: [...new Set(outside.map(({ port }) => port))].map((number) => {
          return { number, name: `tcp-${number}`, protocol: "TCP" };
        }),
        resolution: "NONE",
        location: "MESH_EXTERNAL",
        exportTo: ["."],
      },
    },
  ];
}

/** By what Envoy tells a port's hosts apart: TLS by its SNI, HTTP by its Host header, and addresses by themselves. */
function portProtocol(store: ObjectStore): "TCP" | "TLS" | "HTTP" {
  if (isAddress(store)) return "TCP";
  return store.secure ? "TLS" : "HTTP";
}
