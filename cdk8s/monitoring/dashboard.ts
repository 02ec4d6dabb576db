import { createHash } from "node:crypto";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { METRIC } from "../../src/telemetry/metric-names.js";
import { bridgeRows } from "./bridge-panels.js";
import { contractRows, VARIABLE } from "./contract-panels.js";
import { fleetRow } from "./fleet-panels.js";
import { layOut } from "./layout.js";
import { DATASOURCE } from "./panel.js";
import { is, series } from "./promql.js";

/** Grafana 12's. Newer ones read it and bring it up to date. */
const SCHEMA_VERSION = 41;
const UID_DIGITS = 16;

/** The Grafana dashboard of a fleet. Its size does not grow with the fleet: the reader chooses the contract. */
export function dashboard(fleet: FleetSpec): object {
  const { name, namespace } = fleet;
  const ofFleet = series(METRIC.modelReady, [is("namespace", namespace)]);
  const ofContract = series(METRIC.modelReady, [is("namespace", namespace), is("contract", `$${VARIABLE.contract}`)]);
  return {
    uid: `flotilla-${createHash("sha256").update(`${namespace}/${name}`).digest("hex").slice(0, UID_DIGITS)}`,
    title: `Flotilla: ${name} in ${namespace}`,
    tags: ["flotilla"],
    schemaVersion: SCHEMA_VERSION,
    editable: false,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    timezone: "browser",
    templating: {
      list: [
        { name: "datasource", type: "datasource", label: "Prometheus", query: "prometheus" },
        labelValues({ name: VARIABLE.contract, label: "Contract", of: ofFleet }),
        {
          ...labelValues({ name: VARIABLE.revision, label: "Revision", of: ofContract }),
          multi: true,
          includeAll: true,
        },
      ],
    },
    panels: layOut([fleetRow(fleet), ...bridgeRows(fleet), ...contractRows(fleet)]),
  };
}

/** A variable whose values are those of the label of the same name. */
function labelValues({ name, label, of }: { name: string; label: string; of: string }): object {
  const query = `label_values(${of}, ${name})`;
  const onTimeRange = 2;
  return {
    name,
    label,
    type: "query",
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: name },
    refresh: onTimeRange,
    sort: 1,
  };
}
