import type { IVirtualService } from "@kubernetes-models/istio/networking.istio.io/v1/VirtualService";
import type { Member } from "../src/fleet/members.js";
import { serviceHost, serviceName } from "../src/fleet/names.js";
import type { IngressSpec } from "../src/fleet/spec.js";
import { PIN_HEADER, RELEASE_REVISION_HEADER } from "../src/telemetry/trace.js";
import type { HttpRoute } from "./http-route.js";
import { contractMetadata } from "./metadata.js";
import { ingressClasses, methodClasses } from "./method-class.js";
import { pinned, routes, shared } from "./routes.js";

/** How calls inside the mesh reach a contract: which revision, how long, and what happens when one fails. */
export function virtualService(member: Member): IVirtualService {
  const { fleet, contract } = member;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: contractMetadata(member),
    spec: {
      hosts: [serviceHost(contract.name, fleet.namespace)],
      http: routes(member, [...pinned(member), ...shared(member)], methodClasses(member)),
    },
  };
}

/** Name of the VirtualService that leads from the ingress to a contract. A contract's own ends in its version. */
export function ingressName(contract: string): string {
  return `${serviceName(contract)}-ingress`;
}

/**
 * How calls from outside the mesh reach a contract. An object of its own: all contracts share the ingress' host, and of
 * several VirtualServices with one host sidecars take one alone, where gateways join them.
 */
export function ingressVirtualService(member: Member, ingress: IngressSpec): IVirtualService {
  const { fleet, contract } = member;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: contractMetadata(member, ingressName(contract.name)),
    spec: {
      hosts: [ingress.host],
      gateways: [`${fleet.namespace}/${fleet.name}`],
      http: routes(member, shared(member), ingressClasses(member)).map(fromOutside),
    },
  };
}

/**
 * Pins go with a call through the whole fleet: callers from outside don't get to say who answers whom there, nor that a
 * release led them. Releases they may name, as they may cohorts: the fleet file says what these are.
 */
function fromOutside(route: HttpRoute): HttpRoute {
  const set = route.headers?.request?.set;
  const request = set === undefined ? { remove: [PIN_HEADER, RELEASE_REVISION_HEADER] } : { set, remove: [PIN_HEADER] };
  return { ...route, headers: { request } };
}
