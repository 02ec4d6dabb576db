import type { Construct } from "constructs";
import type { FleetSpec } from "../src/fleet/spec.js";
import { addDefaultDeny, addGatewayPolicy } from "./fleet-policy.js";
import { addNamespace } from "./namespace.js";

/** What a fleet has once: its namespace, and what holds for all pods in it. */
export function addFleet(scope: Construct, fleet: FleetSpec): void {
  addNamespace(scope, fleet);
  addDefaultDeny(scope, fleet);
  addGatewayPolicy(scope, fleet);
}
