import { k8s } from "cdk8s-plus-28";
import { bridgeSelector, contractSelector, PORT } from "../src/fleet/names.js";

/** Ports that Istio gives its own parts. @see https://istio.io/latest/docs/ops/deployment/application-requirements */
const MESH_PORT = { hbone: 15008, discovery: 15012, metrics: 15020 } as const;

/** Calls: as they are with sidecars, and in the tunnel of peers in ambient mode. */
export const CALL_PORTS = tcp(PORT.grpc, MESH_PORT.hbone);
/** The server's metrics joined with the sidecar's, and alone. */
export const METRICS_PORTS = tcp(MESH_PORT.metrics, PORT.metrics);
/** Certificates and configuration, from istiod. */
export const DISCOVERY_PORTS = tcp(MESH_PORT.discovery);
/** Spans: OpenTelemetry over gRPC and HTTP, Zipkin. */
export const SPAN_PORTS = tcp(4317, 4318, 9411);
/** Names. Everywhere: clusters resolve names in pods, on nodes, or outside. */
export const NAME_PORTS: k8s.NetworkPolicyPort[] = [
  { protocol: "UDP", port: k8s.IntOrString.fromNumber(53) },
  { protocol: "TCP", port: k8s.IntOrString.fromNumber(53) },
];

/** TCP ports of a rule. */
export function tcp(...ports: readonly number[]): k8s.NetworkPolicyPort[] {
  return ports.map((port) => ({ protocol: "TCP", port: k8s.IntOrString.fromNumber(port) }));
}

/** All pods of a namespace, or those of its pods that have some labels. */
export function namespacePeer(namespace: string, labels?: Record<string, string>): k8s.NetworkPolicyPeer {
  return {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
    ...(labels === undefined ? {} : { podSelector: { matchLabels: labels } }),
  };
}

/** The pods of a contract of the same fleet. */
export function contractPeer(contract: string): k8s.NetworkPolicyPeer {
  return { podSelector: { matchLabels: contractSelector(contract) } };
}

/** The pods of a bridge of the same fleet. */
export function bridgePeer(bridge: string): k8s.NetworkPolicyPeer {
  return { podSelector: { matchLabels: bridgeSelector(bridge) } };
}

/** The pods that Istio makes for a Gateway of the Gateway API, in the Gateway's own namespace. */
export const GATEWAY_PODS: k8s.LabelSelector = {
  matchExpressions: [{ key: "gateway.networking.k8s.io/gateway-name", operator: "Exists" }],
};
