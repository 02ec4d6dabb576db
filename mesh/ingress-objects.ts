import type { Member } from "../src/fleet/members.js";
import type { FleetSpec } from "../src/fleet/spec.js";
import { apiGateway, apiGatewayPolicy } from "./api-gateway.js";
import { revisionDestinationRules } from "./destination-rule.js";
import { gateway } from "./gateway.js";
import { grpcRoute } from "./grpc-route.js";
import type { MeshObject } from "./mesh-object.js";
import { ingressMethods } from "./method-class.js";
import { ingressVirtualService } from "./virtual-service.js";

/** The gateway of a fleet's ingress, where it has one. */
export function fleetIngress(fleet: FleetSpec): MeshObject[] {
  if (fleet.ingress === undefined) return [];
  if (fleet.ingress.via === "istio") return [gateway(fleet, fleet.ingress)];
  return [apiGateway(fleet, fleet.ingress), apiGatewayPolicy(fleet)];
}

/** What leads from the ingress to a contract that asks for it, unless all its methods are for callers of their own. */
export function contractIngress(member: Member): MeshObject[] {
  const { fleet, contract } = member;
  if (!contract.ingress || fleet.ingress === undefined || ingressMethods(member).length === 0) return [];
  if (fleet.ingress.via === "istio") return [ingressVirtualService(member, fleet.ingress)];
  return [grpcRoute(member, fleet.ingress), ...revisionDestinationRules(member)];
}
