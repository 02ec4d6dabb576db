import type { MeshObject } from "../../mesh/mesh-object.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { dashboardObject } from "./dashboard-object.js";
import { podMonitor } from "./pod-monitor.js";

/** How Prometheus finds a fleet's pods, and what Grafana shows of them; nothing where nobody reads the metrics. */
export function fleetMonitoring(fleet: FleetSpec): MeshObject[] {
  const { scraper, discovery, dashboard } = fleet.telemetry;
  if (scraper === undefined) return [];
  return [...(discovery === "operator" ? [podMonitor(fleet)] : []), ...(dashboard ? [dashboardObject(fleet)] : [])];
}
