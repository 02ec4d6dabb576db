import type { MeshObject } from "../../mesh/mesh-object.js";
import { bridgeMetadata } from "../../mesh/metadata.js";
import type { BridgeSpec, FleetSpec } from "../../src/fleet/spec.js";
import { alertObjects } from "./alert-objects.js";
import { bridgeAlerts } from "./bridge-alerts.js";

/** A bridge's alerts; none where nobody reads the metrics. */
export function bridgeMonitoring(fleet: FleetSpec, bridge: BridgeSpec): MeshObject[] {
  const name = `flotilla/${fleet.namespace}/bridges/${bridge.name}`;
  return alertObjects(fleet, bridgeMetadata(fleet, bridge), { name, rules: bridgeAlerts(fleet, bridge) });
}
