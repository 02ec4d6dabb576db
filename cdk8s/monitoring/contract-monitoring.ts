import type { MeshObject } from "../../mesh/mesh-object.js";
import { contractMetadata } from "../../mesh/metadata.js";
import type { Member } from "../../src/fleet/members.js";
import { alertObjects } from "./alert-objects.js";
import { contractAlerts } from "./alert-rules.js";

/** A contract's alerts; none where nobody reads the metrics, and none of a stub, which has none. */
export function contractMonitoring(member: Member): MeshObject[] {
  if (member.contract.stub !== undefined) return [];
  return alertObjects(member.fleet, contractMetadata(member), contractAlerts(member));
}
