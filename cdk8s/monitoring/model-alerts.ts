import type { Member } from "../../src/fleet/members.js";
import type { WeightSpec } from "../../src/fleet/spec.js";
import { METRIC } from "../../src/telemetry/metric-names.js";
import { type AlertRule, alertRule, contractMatchers, steeredTo } from "./alert-rule.js";
import { fraction, is, rate, series, share } from "./promql.js";

/** Of so many calls that a revision should have got, chance alone never withholds every one. */
const EXPECTED_CALLS = 50;
const MANY_RESTARTS = 2;

/** Models that don't run, or not where the fleet file says that they answer. */
export function modelAlerts(member: Member): AlertRule[] {
  return [
    ...revisionsDown(member),
    modelNotReady(member),
    workersDie(member),
    ...withoutTraffic(member),
    ...fallbackAnswers(member),
  ];
}

/** Also fires where Prometheus finds none of the pods: then nothing else of these alerts would. */
function revisionsDown(member: Member): AlertRule[] {
  const { contract } = member;
  const withTraffic = new Set(contract.traffic.map(({ revision }) => revision));
  const standingBy = [...steeredTo(member), contract.fallback?.revision].filter((name) => name !== undefined);
  return [...new Set([...withTraffic, ...standingBy])].map((revision) => {
    const ready = series(METRIC.modelReady, [...contractMatchers(member), is("revision", revision)]);
    return alertRule(member, {
      name: "FlotillaRevisionDown",
      severity: withTraffic.has(revision) ? "critical" : "warning",
      expr: `absent(${ready} == 1)`,
      for: "2m",
      summary: `no pod of ${revision} is ready`,
      description: `Prometheus sees no pod with a loaded model of revision ${revision}.`,
      revision,
    });
  });
}

function modelNotReady(member: Member): AlertRule {
  return alertRule(member, {
    name: "FlotillaModelNotReady",
    severity: "warning",
    expr: `min by (revision, pod) (${series(METRIC.modelReady, contractMatchers(member))}) == 0`,
    for: "10m",
    summary: "a pod does not get its model loaded",
    description: "Pod {{ $labels.pod }} of revision {{ $labels.revision }} runs without a loaded model.",
  });
}

function workersDie(member: Member): AlertRule {
  const restarts = series(METRIC.workerRestarts, contractMatchers(member));
  return alertRule(member, {
    name: "FlotillaWorkersDie",
    severity: "warning",
    expr: `sum by (revision, pod) (increase(${restarts}[15m])) > ${MANY_RESTARTS}`,
    for: "0m",
    summary: "workers die again and again",
    description:
      "{{ $value | humanize }} workers of revision {{ $labels.revision }} in pod {{ $labels.pod }} died in the last 15 minutes.",
  });
}

/** A share that the mesh does not give. A revision without calls has no series at all: hence the zero. */
function withoutTraffic(member: Member): AlertRule[] {
  const { traffic } = member.contract;
  if (traffic.length < 2) return [];
  const calls = (revision?: string) => {
    const matchers = [...contractMatchers(member), ...(revision === undefined ? [] : [is("revision", revision)])];
    return `sum(increase(${series(METRIC.requests, matchers)}[30m]))`;
  };
  return traffic.map(({ revision, weightPercent }: WeightSpec) => {
    const enough = Math.ceil(EXPECTED_CALLS / fraction(weightPercent));
    return alertRule(member, {
      name: "FlotillaNoTraffic",
      severity: "warning",
      expr: `(${calls(revision)} or vector(0)) == 0 and ${calls()} > ${enough}`,
      for: "5m",
      summary: `${revision} gets no calls`,
      description: `Revision ${revision} was called not once in 30 minutes, and should get ${weightPercent}% of more than ${enough} calls.`,
      revision,
    });
  });
}

/** Nobody notices that the others fail while a fallback answers: that is what it is for. */
function fallbackAnswers(member: Member): AlertRule[] {
  const { fallback, objectives } = member.contract;
  if (fallback === undefined || steeredTo(member).includes(fallback.revision)) return [];
  const of = { window: "5m", by: [] };
  const matchers = contractMatchers(member);
  const its = rate(series(METRIC.requests, [...matchers, is("revision", fallback.revision)]), of);
  return [
    alertRule(member, {
      name: "FlotillaFallbackAnswers",
      severity: "warning",
      expr: `${share(its, rate(series(METRIC.requests, matchers), of))} > ${fraction(objectives.errorRatePercent)}`,
      for: "5m",
      summary: `the fallback ${fallback.revision} answers`,
      description: `{{ $value | humanizePercentage }} of the calls were answered by the fallback in the last 5 minutes: the others are too slow or fail.`,
      revision: fallback.revision,
    }),
  ];
}
