import { formatCohort, type Traffic, type Weight } from "./traffic.js";
import type { TrafficChange } from "./traffic-view.js";

/** What changes between two traffics, by what it says it of: weights first, then shadow and cohorts. */
export function changesBetween(before: Traffic, after: Traffic): TrafficChange[] {
  const [old, next] = [factsOf(before), factsOf(after)];
  const isWeight = (what: string) => !what.includes(" ");
  const all = [...new Set([...old.keys(), ...next.keys()])];
  return [...all.filter(isWeight), ...all.filter((what) => !isWeight(what))].flatMap((what) => {
    const nothing = isWeight(what) ? "0" : "off";
    const change = { what, before: old.get(what) ?? nothing, after: next.get(what) ?? nothing };
    return change.before === change.after ? [] : [change];
  });
}

/** Those changes on one line; empty where there are none. */
export function formatChanges(before: Traffic, after: Traffic): string {
  return changesBetween(before, after)
    .map(({ what, before: from, after: to }) => `${what} ${from}→${to}`)
    .join("  ");
}

/** A whole traffic as a person says it: `r1 90, r2 10, shadow r3 20%, cohort beta r2`. */
export function trafficWords(traffic: Traffic): string {
  return [...factsOf(traffic)].map(([what, value]) => `${what} ${value}`).join(", ");
}

/**
 * The lines of a contract in the fleet file that say the same. Without them the next apply of the manifests would take
 * the traffic back to what the file says.
 */
export function fleetFileLines({ weights, shadow, cohorts }: Traffic): string[] {
  const byCohort = [...cohorts].map(([cohort, own]) => {
    return `${cohort}: ${own.length === 1 ? own[0]!.revision : sharesText(own)}`;
  });
  return [
    `traffic: ${sharesText(weights)}`,
    ...(shadow === undefined ? [] : [`shadow: { revision: ${shadow.revision}, percent: ${shadow.percent} }`]),
    ...(cohorts.size === 0 ? [] : [`cohorts: { ${byCohort.join(", ")} }`]),
  ];
}

function sharesText(weights: readonly Weight[]): string {
  return `{ ${weights.map(({ revision, percent }) => `${revision}: ${percent}`).join(", ")} }`;
}

function factsOf({ weights, shadow, cohorts }: Traffic): Map<string, string> {
  return new Map([
    ...weights.map(({ revision, percent }): [string, string] => [revision, String(percent)]),
    ...(shadow === undefined ? [] : [[`shadow ${shadow.revision}`, `${shadow.percent}%`] as [string, string]]),
    ...[...cohorts].map(([cohort, own]): [string, string] => [`cohort ${cohort}`, formatCohort(own)]),
  ]);
}
