import type { Member } from "../src/fleet/members.js";
import { authorizationPolicy } from "./authorization-policy.js";
import { destinationRule } from "./destination-rule.js";
import { contractIngress } from "./ingress-objects.js";
import type { MeshObject } from "./mesh-object.js";
import { sidecar } from "./sidecar.js";
import { contractTelemetry } from "./telemetry.js";
import { virtualService } from "./virtual-service.js";

/** What the mesh has to know of one contract. */
export function contractMesh(member: Member): MeshObject[] {
  return [...traffic(member), authorizationPolicy(member), sidecar(member), ...contractTelemetry(member)];
}

/** Flagger makes the objects of the traffic itself, and would fight over them with whoever else does. */
function traffic(member: Member): MeshObject[] {
  if (member.contract.delivery?.engine === "flagger") return [];
  return [virtualService(member), destinationRule(member), ...contractIngress(member)];
}
