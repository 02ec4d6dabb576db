import type { IGateway } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/Gateway";
import type { IAuthorizationPolicy } from "@kubernetes-models/istio/security.istio.io/v1/AuthorizationPolicy";
import type { FleetSpec, IngressSpec } from "../src/fleet/spec.js";
import { fleetMetadata } from "./metadata.js";

const HTTPS_PORT = 443;
const API_GROUP = "gateway.networking.k8s.io";

/** The way in on a gateway of the Gateway API, whose pods Istio makes in the fleet's namespace. */
export function apiGateway(fleet: FleetSpec, ingress: IngressSpec): IGateway {
  return {
    apiVersion: `${API_GROUP}/v1`,
    kind: "Gateway",
    metadata: fleetMetadata(fleet),
    spec: {
      gatewayClassName: ingress.gatewayClass,
      listeners: [
        {
          name: "grpc",
          hostname: ingress.host,
          port: HTTPS_PORT,
          protocol: "HTTPS",
          tls: { mode: "Terminate", certificateRefs: [{ group: "", kind: "Secret", name: ingress.tlsSecret }] },
          allowedRoutes: { namespaces: { from: "Same" } },
        },
      ],
    },
  };
}

/**
 * Lets callers outside the mesh reach the gateway's pods, which live where nobody is let in by default. They have no
 * identity there; what they reach behind it are the methods that the contracts' policies open to the gateway.
 */
export function apiGatewayPolicy(fleet: FleetSpec): IAuthorizationPolicy {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: fleetMetadata(fleet, `${fleet.name}-gateway`),
    spec: {
      targetRefs: [{ group: API_GROUP, kind: "Gateway", name: fleet.name }],
      action: "ALLOW",
      rules: [{ to: [{ operation: { ports: [String(HTTPS_PORT)] } }] }],
    },
  };
}
