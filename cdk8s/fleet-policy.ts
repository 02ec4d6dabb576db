import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import { fleetMetadata } from "../mesh/metadata.js";
import { LABEL } from "../src/fleet/names.js";
import type { FleetSpec } from "../src/fleet/spec.js";
import { CALL_PORTS, GATEWAY_PODS, tcp } from "./network-peers.js";
import { meshRules } from "./network-policy.js";

const HTTPS_PORT = 443;
/** Where load balancers ask a gateway of Istio's whether it is ready. */
const GATEWAY_STATUS_PORT = 15021;

/** Nothing goes in or out of the fleet's namespace but what another policy lets through. */
export function addDefaultDeny(scope: Construct, fleet: FleetSpec): void {
  const metadata = fleetMetadata(fleet, "default-deny");
  new k8s.KubeNetworkPolicy(scope, "default-deny", {
    metadata,
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  });
}

/** The gateway's own way through, where its pods are in the fleet's namespace. */
export function addGatewayPolicy(scope: Construct, fleet: FleetSpec): void {
  if (fleet.ingress?.via !== "gateway-api") return;
  const members = { podSelector: { matchLabels: { [LABEL.partOf]: fleet.name } } };
  new k8s.KubeNetworkPolicy(scope, "gateway-policy", {
    metadata: fleetMetadata(fleet, `${fleet.name}-gateway`),
    spec: {
      podSelector: GATEWAY_PODS,
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ ports: tcp(HTTPS_PORT, GATEWAY_STATUS_PORT) }],
      egress: [...meshRules(fleet), { to: [members], ports: CALL_PORTS }],
    },
  });
}
