import type { Member } from "../src/fleet/members.js";
import type { FleetSpec } from "../src/fleet/spec.js";
import { accessLogFilter } from "./access-log-filter.js";
import { denyByDefault } from "./authorization-policy.js";
import { fleetIngress } from "./ingress-objects.js";
import type { MeshObject } from "./mesh-object.js";
import { peerAuthentication } from "./peer-authentication.js";
import { brokerEntries, serviceEntries } from "./service-entry.js";
import { fleetTelemetry } from "./telemetry.js";

/** What the mesh has to know of a fleet as a whole. */
export function fleetMesh(fleet: FleetSpec, members: readonly Member[]): MeshObject[] {
  return [
    peerAuthentication(fleet),
    denyByDefault(fleet),
    fleetTelemetry(fleet),
    ...accessLogFilter(fleet),
    ...fleetIngress(fleet),
    ...serviceEntries(fleet, members),
    ...brokerEntries(fleet),
  ];
}
