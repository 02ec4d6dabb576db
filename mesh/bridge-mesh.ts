import type { ISidecar } from "@kubernetes-models/istio/networking.istio.io/v1/Sidecar";
import type { IAuthorizationPolicy } from "@kubernetes-models/istio/security.istio.io/v1/AuthorizationPolicy";
import { bridgeSelector, serviceHost } from "../src/fleet/names.js";
import type { BridgeSpec, FleetSpec } from "../src/fleet/spec.js";
import { metricsRules } from "./authorization-policy.js";
import { brokerHost, brokerPlaces } from "./broker-place.js";
import type { MeshObject } from "./mesh-object.js";
import { bridgeMetadata } from "./metadata.js";
import { collectorHosts } from "./sidecar.js";

/** What the mesh has to know of a bridge. */
export function bridgeMesh(fleet: FleetSpec, bridge: BridgeSpec): MeshObject[] {
  return [bridgeSidecar(fleet, bridge), ...scraperPolicy(fleet, bridge)];
}

/**
 * What a bridge's pods know of the mesh, and so can reach: the contract that it calls, and the broker. The broker's ports
 * are said to be TCP whatever their Service says: a server of NATS speaks first, and the proxy, which would look at what
 * the client says to find out what it speaks, would wait for ever.
 */
function bridgeSidecar(fleet: FleetSpec, bridge: BridgeSpec): ISidecar {
  const { namespace, mesh } = fleet;
  const { namespaces, outside, ports } = brokerPlaces(fleet);
  const brokers = [...namespaces.map((one) => `${one}/*`), ...outside.map((one) => `${namespace}/${brokerHost(one)}`)];
  const callee = `${namespace}/${serviceHost(bridge.contract, namespace)}`;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: bridgeMetadata(fleet, bridge),
    spec: {
      workloadSelector: { labels: bridgeSelector(bridge.name) },
      egress: [
        ...ports.map((number) => ({ port: { number, protocol: "TCP", name: `tcp-broker-${number}` }, hosts: brokers })),
        { hosts: [callee, ...collectorHosts(fleet), `${mesh.namespace}/*`] },
      ],
      outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
    },
  };
}

/** Nobody calls a bridge; its metrics are for who reads the fleet's. */
function scraperPolicy(fleet: FleetSpec, bridge: BridgeSpec): IAuthorizationPolicy[] {
  const rules = metricsRules(fleet);
  if (rules.length === 0) return [];
  return [
    {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: bridgeMetadata(fleet, bridge),
      spec: { selector: { matchLabels: bridgeSelector(bridge.name) }, action: "ALLOW", rules },
    },
  ];
}
