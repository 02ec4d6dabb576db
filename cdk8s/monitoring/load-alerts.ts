import type { Member } from "../../src/fleet/members.js";
import { SHED_CODE } from "../../src/telemetry/fault-codes.js";
import { METRIC, PROCESS_METRIC } from "../../src/telemetry/metric-names.js";
import { type AlertRule, alertRule, answeringMatchers, contractMatchers } from "./alert-rule.js";
import { fraction, is, rate, series, share } from "./promql.js";

const QUEUE_NEARLY_FULL = 0.8;
const MEMORY_NEARLY_FULL = 0.9;

/** Saturation: more work than a contract's pods can do, or than their memory holds. */
export function loadAlerts(member: Member): AlertRule[] {
  return [shedding(member), queueNearlyFull(member), memoryNearlyFull(member)];
}

/** A call that is refused is one that its caller is without: it counts as much as one that failed. */
function shedding(member: Member): AlertRule {
  const { errorRatePercent } = member.contract.objectives;
  const matchers = answeringMatchers(member);
  const of = { window: "5m", by: ["revision"] };
  const shed = rate(series(METRIC.requests, [...matchers, is("code", SHED_CODE)]), of);
  return alertRule(member, {
    name: "FlotillaShedding",
    severity: "warning",
    expr: `${share(shed, rate(series(METRIC.requests, matchers), of))} > ${fraction(errorRatePercent)}`,
    for: "5m",
    summary: "calls are refused, as too many wait",
    description: `{{ $value | humanizePercentage }} of the calls to revision {{ $labels.revision }} were refused with ${SHED_CODE} in the last 5 minutes.`,
  });
}

function queueNearlyFull(member: Member): AlertRule {
  const matchers = answeringMatchers(member);
  const filled = share(series(METRIC.waiting, matchers), series(METRIC.queueSize, matchers));
  return alertRule(member, {
    name: "FlotillaQueueNearlyFull",
    severity: "warning",
    expr: `max by (revision, pod) (${filled}) > ${QUEUE_NEARLY_FULL}`,
    for: "5m",
    summary: "a queue is nearly full",
    description:
      "{{ $value | humanizePercentage }} of the queue of revision {{ $labels.revision }} in pod {{ $labels.pod }} is taken. Once it is full, calls are refused.",
  });
}

/** The process does not say whose it is: the pod does, which has a model of the contract. */
function memoryNearlyFull(member: Member): AlertRule {
  const inNamespace = [is("namespace", member.fleet.namespace)];
  const used = share(series(PROCESS_METRIC.memory, inNamespace), series(METRIC.memoryLimit, inNamespace));
  const ofContract = series(METRIC.modelReady, contractMatchers(member));
  return alertRule(member, {
    name: "FlotillaMemoryNearlyFull",
    severity: "warning",
    expr: `max by (pod) (${used} and on (namespace, pod) ${ofContract}) > ${MEMORY_NEARLY_FULL}`,
    for: "10m",
    summary: "a pod is about to run out of memory",
    description:
      "Pod {{ $labels.pod }} uses {{ $value | humanizePercentage }} of its memory. With all of it, it is killed.",
  });
}
