import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import { contractMetadata } from "../mesh/metadata.js";
import { type ObjectStore, objectStores, storeNamespace } from "../mesh/object-store.js";
import type { Member } from "../src/fleet/members.js";
import { contractSelector, deploymentSelector } from "../src/fleet/names.js";
import type { ContractSpec, FleetSpec, IngressSpec, RevisionSpec } from "../src/fleet/spec.js";
import {
  bridgePeer,
  CALL_PORTS,
  contractPeer,
  DISCOVERY_PORTS,
  GATEWAY_PODS,
  METRICS_PORTS,
  NAME_PORTS,
  namespacePeer,
  SPAN_PORTS,
  tcp,
} from "./network-peers.js";
import { revisionMetadata } from "./revision-metadata.js";

/**
 * The NetworkPolicy of a contract's pods. Who calls is the mesh's to judge, by identity and method; this keeps off whoever
 * has no business with the pods at all, even where a sidecar is missing or broken.
 */
export function addContractPolicy(scope: Construct, member: Member): void {
  const metadata = contractMetadata(member);
  new k8s.KubeNetworkPolicy(scope, `network-policy-${metadata.name}`, {
    metadata,
    spec: {
      podSelector: { matchLabels: contractSelector(member.contract.name) },
      policyTypes: ["Ingress", "Egress"],
      ingress: ingressRules(member),
      egress: egressRules(member),
    },
  });
}

/** What a revision's pods may reach besides: the store that they fetch their model from. */
export function addRevisionPolicy(scope: Construct, member: Member, revision: RevisionSpec): void {
  const stores = objectStores({ ...member.contract, revisions: [revision] });
  if (stores.length === 0) return;
  const metadata = revisionMetadata(member, revision);
  new k8s.KubeNetworkPolicy(scope, `network-policy-${metadata.name}`, {
    metadata,
    spec: {
      podSelector: { matchLabels: deploymentSelector(member.contract, revision.name) },
      policyTypes: ["Egress"],
      egress: stores.map(storeRule),
    },
  });
}

/**
 * A store in the cluster by its namespace, as its pods may listen on another port than its Service. Any other by its port
 * at any address: a policy knows no names, and stores have many addresses.
 */
function storeRule(store: ObjectStore): k8s.NetworkPolicyEgressRule {
  const namespace = storeNamespace(store);
  return namespace === undefined ? { ports: tcp(store.port) } : { to: [namespacePeer(namespace)] };
}

function ingressRules({ fleet, contract }: Member): k8s.NetworkPolicyIngressRule[] {
  const callers = [
    ...callingNamespaces(contract).map((namespace) => namespacePeer(namespace)),
    ...fleet.contracts.filter(({ calls }) => calls.includes(contract.name)).map(({ name }) => contractPeer(name)),
    ...fleet.bridges.filter((bridge) => bridge.contract === contract.name).map(({ name }) => bridgePeer(name)),
    ...(contract.ingress && fleet.ingress !== undefined ? [gatewayPeer(fleet.ingress)] : []),
  ];
  // A rule without peers would let everybody in.
  return [...(callers.length > 0 ? [{ from: callers, ports: CALL_PORTS }] : []), ...scraperRules(fleet)];
}

/** Who reads the metrics of the fleet's pods. */
export function scraperRules({ telemetry }: FleetSpec): k8s.NetworkPolicyIngressRule[] {
  const namespace = telemetry.scraper?.split("/")[0];
  return namespace === undefined ? [] : [{ from: [namespacePeer(namespace)], ports: METRICS_PORTS }];
}

/** Whole namespaces: a policy can't tell service accounts apart. The mesh does. */
function callingNamespaces({ callers = [], methods }: ContractSpec): string[] {
  const accounts = [...callers, ...[...methods.values()].flatMap((method) => method.callers ?? [])];
  return [...new Set(accounts.map((account) => account.split("/")[0]!))].sort();
}

function gatewayPeer(ingress: IngressSpec): k8s.NetworkPolicyPeer {
  if (ingress.via === "gateway-api") return { podSelector: GATEWAY_PODS };
  return namespacePeer(ingress.gatewayAccount.split("/")[0]!, { istio: ingress.gatewayLabel });
}

function egressRules({ fleet, contract }: Member): k8s.NetworkPolicyEgressRule[] {
  const called = contract.calls.map(contractPeer);
  return [...meshRules(fleet), ...(called.length > 0 ? [{ to: called, ports: CALL_PORTS }] : [])];
}

/** What every sidecar and gateway needs. */
export function meshRules({ mesh, telemetry }: FleetSpec): k8s.NetworkPolicyEgressRule[] {
  return [
    { ports: NAME_PORTS },
    { to: [namespacePeer(mesh.namespace)], ports: DISCOVERY_PORTS },
    { to: [namespacePeer(telemetry.tracingCollector?.split("/")[0] ?? mesh.namespace)], ports: SPAN_PORTS },
  ];
}
