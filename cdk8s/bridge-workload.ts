import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import { brokerPlaces } from "../mesh/broker-place.js";
import { bridgeMetadata } from "../mesh/metadata.js";
import { bridgeSelector } from "../src/fleet/names.js";
import type { BridgeSpec, FleetSpec } from "../src/fleet/spec.js";
import { addBridgeDeployment } from "./bridge-deployment.js";
import { CALL_PORTS, contractPeer, namespacePeer, tcp } from "./network-peers.js";
import { meshRules, scraperRules } from "./network-policy.js";

/** A bridge's pods, the identity that they call with, and what they reach. */
export function addBridge(scope: Construct, fleet: FleetSpec, bridge: BridgeSpec): void {
  const metadata = bridgeMetadata(fleet, bridge);
  // The mesh knows the pods by it; they get no token of it.
  new k8s.KubeServiceAccount(scope, "service-account", { metadata, automountServiceAccountToken: false });
  addBridgeDeployment(scope, fleet, bridge);
  new k8s.KubePodDisruptionBudget(scope, "disruption-budget", {
    metadata,
    spec: {
      maxUnavailable: k8s.IntOrString.fromNumber(1),
      selector: { matchLabels: bridgeSelector(bridge.name) },
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  });
  new k8s.KubeNetworkPolicy(scope, "network-policy", {
    metadata,
    spec: {
      podSelector: { matchLabels: bridgeSelector(bridge.name) },
      policyTypes: ["Ingress", "Egress"],
      ingress: scraperRules(fleet),
      egress: egressRules(fleet, bridge),
    },
  });
}

/** A broker in the cluster by its namespace, as its pods may listen on another port than its Service; any other by its port. */
function egressRules(fleet: FleetSpec, { contract }: BridgeSpec): k8s.NetworkPolicyEgressRule[] {
  const { namespaces, outside } = brokerPlaces(fleet);
  const ports = [...new Set(outside.map(({ port }) => port))];
  return [
    ...meshRules(fleet),
    { to: [contractPeer(contract)], ports: CALL_PORTS },
    ...(namespaces.length > 0 ? [{ to: namespaces.map((namespace) => namespacePeer(namespace)) }] : []),
    ...(ports.length > 0 ? [{ ports: tcp(...ports) }] : []),
  ];
}
