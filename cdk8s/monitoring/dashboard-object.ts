import type { IConfigMap } from "kubernetes-models/v1/ConfigMap";
import { fleetMetadata } from "../../mesh/metadata.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { dashboard } from "./dashboard.js";

/** By this label Grafana's sidecar finds dashboards, as its Helm chart sets it up. */
const DASHBOARD_LABEL = { grafana_dashboard: "1" };

/** The fleet's dashboard where Grafana's sidecar finds it. All dashboards come to lie in one folder. */
export function dashboardObject(fleet: FleetSpec): IConfigMap {
  const metadata = fleetMetadata(fleet, `${fleet.name}-dashboard`);
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...metadata, labels: { ...metadata.labels, ...DASHBOARD_LABEL } },
    data: { [`flotilla-${fleet.namespace}-${fleet.name}.json`]: `${JSON.stringify(dashboard(fleet), undefined, 2)}\n` },
  };
}
