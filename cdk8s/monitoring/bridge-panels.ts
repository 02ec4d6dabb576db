import type { FleetSpec } from "../../src/fleet/spec.js";
import { METRIC } from "../../src/telemetry/metric-names.js";
import { WINDOW } from "./fleet-panels.js";
import type { PanelRow } from "./layout.js";
import { timeseries } from "./panel.js";
import { increase, is, quantile, rate, series } from "./promql.js";

/** The fleet's bridges: what waits, what comes of events, and how long it takes. No row where the fleet has none. */
export function bridgeRows(fleet: FleetSpec): PanelRow[] {
  if (fleet.bridges.length === 0) return [];
  const matchers = [is("namespace", fleet.namespace)];
  const dead = series(METRIC.events, [...matchers, is("outcome", "dead")]);
  return [
    {
      title: "Events",
      panels: [
        timeseries({
          title: "Events that wait",
          description: "In the broker, by bridge; those in flight not counted.",
          unit: "short",
          // Each pod says the same of the whole.
          queries: [{ expr: `max by (bridge) (${series(METRIC.eventLag, matchers)})`, legend: "{{bridge}}" }],
        }),
        timeseries({
          title: "Events by outcome",
          description: "Predicted, dead: to the dead letters, or returned: to the broker, which gives them out again.",
          unit: "eps",
          stacked: true,
          queries: [
            {
              expr: rate(series(METRIC.events, matchers), { window: WINDOW, by: ["bridge", "outcome"] }),
              legend: "{{bridge}} {{outcome}}",
            },
          ],
        }),
        timeseries({
          title: "Dead letters",
          description: "Events that could not be predicted, by why.",
          unit: "short",
          queries: [
            {
              expr: increase(dead, { window: WINDOW, by: ["bridge", "reason"] }),
              legend: "{{bridge}} {{reason}}",
            },
          ],
        }),
        timeseries({
          title: "Age of predictions",
          description: "From the broker's taking an event to its prediction's being stored.",
          unit: "s",
          queries: [0.5, 0.99].map((q) => ({
            expr: quantile(q, METRIC.eventAge, { matchers, window: WINDOW, by: ["bridge"] }),
            legend: `{{bridge}} p${q * 100}`,
          })),
        }),
        timeseries({
          title: "Events tried again",
          description: "Calls and publications that failed and are made again, by why: a gRPC code, or publish.",
          unit: "eps",
          queries: [
            {
              expr: rate(series(METRIC.eventRetries, matchers), { window: WINDOW, by: ["bridge", "cause"] }),
              legend: "{{bridge}} {{cause}}",
            },
          ],
        }),
      ],
    },
  ];
}
