import type { FleetSpec } from "../../src/fleet/spec.js";
import { SERVER_FAULT_CODES } from "../../src/telemetry/fault-codes.js";
import { METRIC } from "../../src/telemetry/metric-names.js";
import type { PanelRow } from "./layout.js";
import { timeseries } from "./panel.js";
import { is, isOneOf, quantile, rate, series, share } from "./promql.js";

/** Grafana's variable: long enough for at least four scrapes. */
export const WINDOW = "$__rate_interval";
/** A fleet may have a thousand contracts, and nobody reads a thousand lines. */
const MOST_LINES = 10;

/** The fleet as a whole: which contract to look at. */
export function fleetRow(fleet: FleetSpec): PanelRow {
  const matchers = [is("namespace", fleet.namespace)];
  const of = { window: WINDOW, by: ["contract"] };
  const calls = rate(series(METRIC.requests, matchers), of);
  const failed = rate(series(METRIC.requests, [...matchers, isOneOf("code", SERVER_FAULT_CODES)]), of);
  const legend = "{{contract}}";
  return {
    title: "The fleet",
    panels: [
      timeseries({
        title: "Calls",
        description: `The ${MOST_LINES} contracts that are called most.`,
        unit: "reqps",
        queries: [{ expr: topmost(calls), legend }],
      }),
      timeseries({
        title: "Failed",
        description: `Share of the calls that failed by the server's fault; the ${MOST_LINES} worst contracts.`,
        unit: "percentunit",
        queries: [{ expr: topmost(share(`(${failed} or 0 * ${calls})`, calls)), legend }],
      }),
      timeseries({
        title: "Latency, p99",
        description: `Time inside the server that 99 of 100 calls stay under; the ${MOST_LINES} slowest contracts.`,
        unit: "s",
        queries: [
          { expr: topmost(quantile(0.99, METRIC.duration, { matchers, window: WINDOW, by: ["contract"] })), legend },
        ],
      }),
    ],
  };
}

function topmost(expr: string): string {
  return `topk(${MOST_LINES}, ${expr})`;
}
