import type { Member } from "../../src/fleet/members.js";
import { SERVER_FAULT_CODES } from "../../src/telemetry/fault-codes.js";
import { LONGEST_SECONDS, METRIC } from "../../src/telemetry/metric-names.js";
import { type AlertRule, alertRule, answeringMatchers, contractMatchers } from "./alert-rule.js";
import { fraction, is, isOneOf, quantile, rate, series, share } from "./promql.js";

/** So many times the objective, and more than half of the calls at most, is an emergency. */
const EMERGENCY = 10;
const MOST_EMERGENCY = 0.5;
/** Fewer failed calls are no emergency, whatever share of a quiet contract's calls they are. */
const EMERGENCY_CALLS = 10;

const BY_REVISION = ["revision"];

/** What a contract promises, each promise with an alert: `objectives` of the fleet file. */
export function objectiveAlerts(member: Member): AlertRule[] {
  return [manyErrors(member), errors(member), ...slow(member), hopOverhead(member), ...chainOverhead(member)];
}

/** By revision: one that gets few of the calls must not hide behind the others. */
function errorShare(member: Member, window: string): string {
  return share(rate(faults(member), { window, by: BY_REVISION }), rate(calls(member), { window, by: BY_REVISION }));
}

function calls(member: Member): string {
  return series(METRIC.requests, answeringMatchers(member));
}

function faults(member: Member): string {
  return series(METRIC.requests, [...answeringMatchers(member), isOneOf("code", SERVER_FAULT_CODES)]);
}

function manyErrors(member: Member): AlertRule {
  const { errorRatePercent } = member.contract.objectives;
  const limit = Math.min(fraction(errorRatePercent * EMERGENCY), MOST_EMERGENCY);
  const count = `sum by (revision) (increase(${faults(member)}[5m]))`;
  return alertRule(member, {
    name: "FlotillaManyErrors",
    severity: "critical",
    expr: `${errorShare(member, "5m")} > ${limit} and ${count} >= ${EMERGENCY_CALLS}`,
    for: "1m",
    summary: "many calls fail",
    description: `{{ $value | humanizePercentage }} of the calls to revision {{ $labels.revision }} failed by the server's fault in the last 5 minutes. The objective is ${errorRatePercent}%.`,
  });
}

/** The long window says that it matters, the short one that it still goes on. */
function errors(member: Member): AlertRule {
  const { errorRatePercent } = member.contract.objectives;
  const limit = fraction(errorRatePercent);
  return alertRule(member, {
    name: "FlotillaErrors",
    severity: "warning",
    expr: `${errorShare(member, "1h")} > ${limit} and ${errorShare(member, "5m")} > ${limit}`,
    for: "2m",
    summary: "more calls fail than promised",
    description: `{{ $value | humanizePercentage }} of the calls to revision {{ $labels.revision }} failed by the server's fault in the last hour. The objective is ${errorRatePercent}%.`,
  });
}

/** A histogram can't tell times beyond its last bound apart: there is no alert on a promise that is longer. */
function slow(member: Member): AlertRule[] {
  const { p99Ms } = member.contract.objectives;
  if (p99Ms / 1e3 >= LONGEST_SECONDS) return [];
  const p99 = quantile(0.99, METRIC.duration, {
    matchers: answeringMatchers(member),
    window: "5m",
    by: BY_REVISION,
  });
  return [
    alertRule(member, {
      name: "FlotillaSlow",
      severity: "warning",
      expr: `${p99} > ${p99Ms / 1e3}`,
      for: "10m",
      summary: "calls take longer than promised",
      description: `One call in a hundred spends more than {{ $value | humanizeDuration }} in revision {{ $labels.revision }}. The objective is ${p99Ms} ms.`,
    }),
  ];
}

/** Counted by the callers, wherever they are: so without the namespace. */
function hopOverhead(member: Member): AlertRule {
  const { contract } = member;
  const { hopOverheadMs } = contract.objectives;
  const overhead = quantile(0.99, METRIC.hopOverhead, {
    matchers: [is("to", contract.name)],
    window: "5m",
    by: ["from"],
  });
  return alertRule(member, {
    name: "FlotillaHopOverhead",
    severity: "warning",
    expr: `${overhead} > ${hopOverheadMs / 1e3}`,
    for: "10m",
    summary: "network and proxies add more than promised",
    description: `One call in a hundred from {{ $labels.from }} takes {{ $value | humanizeDuration }} longer than the server's own time. The objective is ${hopOverheadMs} ms.`,
  });
}

/** What the hops of a composition's call add together, on average, against what their callees' objectives let them add. */
function chainOverhead(member: Member): AlertRule[] {
  const { fleet, contract } = member;
  const callees = fleet.contracts.filter(({ name }) => contract.calls.includes(name));
  if (callees.length === 0) return [];
  const of = { window: "5m", by: [] };
  const added = rate(series(`${METRIC.chainOverhead}_sum`, contractMatchers(member)), of);
  const allowed = callees.map(({ name, objectives }) => {
    const hops = series(`${METRIC.hopOverhead}_count`, [is("from", contract.name), is("to", name)]);
    return `(${rate(hops, of)} or vector(0)) * ${objectives.hopOverheadMs / 1e3}`;
  });
  return [
    alertRule(member, {
      name: "FlotillaChainOverhead",
      severity: "warning",
      expr: `${share(added, `(${allowed.join(" + ")})`)} > 1`,
      for: "10m",
      summary: "network and proxies add more to the chain than its hops may",
      description: `On average network and proxies add {{ $value | humanizePercentage }} of what all the hops of a call may add together to one of ${contract.name}.`,
    }),
  ];
}
