import type { FleetSpec, IngressSpec } from "../src/fleet/spec.js";

/**
 * Service account of the fleet's ingress, as `namespace/serviceaccount`. A gateway of the Gateway API is made by Istio,
 * which names its account for the gateway and its class.
 * @see https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment
 */
export function gatewayAccount(fleet: FleetSpec, ingress: IngressSpec): string {
  if (ingress.via === "istio") return ingress.gatewayAccount;
  return `${fleet.namespace}/${fleet.name}-${ingress.gatewayClass}`;
}
