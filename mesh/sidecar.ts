import type { ISidecar } from "@kubernetes-models/istio/networking.istio.io/v1/Sidecar";
import type { Member } from "../src/fleet/members.js";
import { contractSelector, serviceHost } from "../src/fleet/names.js";
import type { FleetSpec } from "../src/fleet/spec.js";
import { contractMetadata } from "./metadata.js";
import { meshHost, type ObjectStore, objectStores, storeNamespace } from "./object-store.js";

/**
 * What a contract's pods know of the mesh, and so can call: the contracts that the fleet file lets them call, the control
 * plane's namespace, and the stores that their models come from. Without it each sidecar would be told of every service of
 * the cluster, and of each of their changes.
 */
export function sidecar(member: Member): ISidecar {
  const { fleet, contract } = member;
  const callees = contract.calls.map((callee) => `${fleet.namespace}/${serviceHost(callee, fleet.namespace)}`);
  const stores = objectStores(contract).map((store) => storeHost(fleet.namespace, store));
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: contractMetadata(member),
    spec: {
      workloadSelector: { labels: contractSelector(contract.name) },
      egress: [{ hosts: [...new Set([...callees, ...stores, ...collectorHosts(fleet), `${fleet.mesh.namespace}/*`])] }],
      outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
    },
  };
}

/** The proxies send their spans to a service of the mesh, and lose them silently where they don't know it. */
export function collectorHosts({ telemetry }: FleetSpec): string[] {
  if (telemetry.tracingCollector === undefined) return [];
  const [namespace, service] = telemetry.tracingCollector.split("/");
  return [`${namespace}/${service}.${namespace}.svc.cluster.local`];
}

/** A store as an egress host: in its own namespace, or in that of its ServiceEntry. */
function storeHost(namespace: string, store: ObjectStore): string {
  return `${storeNamespace(store) ?? namespace}/${meshHost(store)}`;
}
