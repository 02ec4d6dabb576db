import type { MeshObject } from "../../mesh/mesh-object.js";
import type { Member } from "../../src/fleet/members.js";
import { alertFileObject, alertRuleObject } from "./alert-objects.js";

/** A contract's alerts; none where nobody reads the metrics. */
export function contractMonitoring(member: Member): MeshObject[] {
  const { scraper, discovery } = member.fleet.telemetry;
  if (scraper === undefined) return [];
  return [discovery === "operator" ? alertRuleObject(member) : alertFileObject(member)];
}
