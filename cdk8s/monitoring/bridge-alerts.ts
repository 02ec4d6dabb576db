import type { BridgeSpec, FleetSpec } from "../../src/fleet/spec.js";
import { METRIC } from "../../src/telemetry/metric-names.js";
import { type AlertRule, alertRule } from "./alert-rule.js";
import { increase, is, series } from "./promql.js";

/** A bridge's alerts. docs/alerts.md says of each what it means and what to do. */
export function bridgeAlerts(fleet: FleetSpec, bridge: BridgeSpec): AlertRule[] {
  const contract = fleet.contracts.find(({ name }) => name === bridge.contract)!;
  const matchers = [is("namespace", fleet.namespace), is("bridge", bridge.name)];
  const lag = series(METRIC.eventLag, matchers);
  const dead = series(METRIC.events, [...matchers, is("outcome", "dead")]);
  // A counter begins with its first event, and nothing grew for `increase` then.
  const firstOnes = `sum by (reason) (${dead} unless ${dead} offset 15m)`;
  const of = { fleet, contract };
  return [
    alertRule(of, {
      name: "FlotillaEventsPileUp",
      severity: "warning",
      bridge: bridge.name,
      // Each pod says the same of the whole. Falling again, or less than what is in hand at a time, it is no news.
      expr: `max(${lag}) > ${bridge.maxInFlight} and max(deriv(${lag}[10m])) > 0`,
      for: "10m",
      summary: "more events come than are predicted",
      description: `{{ $value }} events of ${bridge.from.stream} wait, and there are more and more.`,
    }),
    alertRule(of, {
      name: "FlotillaEventsDead",
      severity: "warning",
      bridge: bridge.name,
      expr: `${increase(dead, { window: "15m", by: ["reason"] })} > 0 or ${firstOnes} > 0`,
      for: "0m",
      summary: "events could not be predicted",
      description: `{{ $value | humanize }} events went to ${bridge.deadLetter} in the last 15 minutes: {{ $labels.reason }}.`,
    }),
    ...(bridge.replicas.min === 0 ? [] : [alertRule(of, bridgeDown(bridge, lag))]),
  ];
}

/** A bridge that has no broker knows no lag: the metric is absent then, too. */
function bridgeDown({ name, from }: BridgeSpec, lag: string) {
  return {
    name: "FlotillaBridgeDown",
    severity: "critical",
    bridge: name,
    expr: `absent(${lag})`,
    for: "5m",
    summary: "events are not taken",
    description: `No pod of the bridge has a connection to the broker, or Prometheus finds none: nobody takes the events of ${from.stream ?? from.subject}.`,
  } as const;
}
