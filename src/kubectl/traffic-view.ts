import type { HttpRoute } from "../../mesh/http-route.js";
import { LABEL } from "../fleet/names.js";
import type { KubeObject } from "./kube-object.js";
import { formatCohort } from "./traffic.js";
import { cohortOf, isPinned, isWeighted, releasesOf, type VirtualService } from "./virtual-service.js";

/** One thing about a contract's traffic that changes: `r1` from `90` to `50`. */
export interface TrafficChange {
  /** `r1`, `shadow r3`, `cohort beta`, `release 2026-11`; with the route's name behind it where routes differ. */
  readonly what: string;
  /** As a reader says it: `90`, `20%`, `r2`, `off`. */
  readonly before: string;
  readonly after: string;
}

/** Between the revision and its fallback in the name of a subset of both. */
const GUARD = "-or-";

/** The contract whose calls inside the mesh a VirtualService routes; undefined: another kind of object, or an ingress'. */
export function routedContract(object: KubeObject): string | undefined {
  if (object.kind !== "VirtualService" || (object as VirtualService).spec?.gateways !== undefined) return undefined;
  return object.metadata.labels?.[LABEL.contract];
}

/**
 * What a new VirtualService of a contract changes in where its calls go.
 * @param before undefined where there was none
 */
export function trafficChanges(before: KubeObject | undefined, after: KubeObject): TrafficChange[] {
  const [old, next] = [facts(before), facts(after)];
  const changes: TrafficChange[] = [];
  for (const what of new Set([...old.keys(), ...next.keys()])) {
    const nothing = isWeight(what) ? "0" : "off";
    const change = { what, before: old.get(what) ?? nothing, after: next.get(what) ?? nothing };
    if (change.before !== change.after) changes.push(change);
  }
  return changes;
}

/** On one line: `acme.fraud.v1  r1 90→50  r2 10→50  shadow r3 20%→off  cohort beta r2→r3`. */
export function formatTraffic(contract: string, changes: readonly TrafficChange[]): string {
  return [contract, ...changes.map(({ what, before, after }) => `${what} ${before}→${after}`)].join("  ");
}

function isWeight(what: string): boolean {
  return !["shadow ", "cohort ", "release "].some((kind) => what.startsWith(kind));
}

/** What a VirtualService says, by what it says it of, in the order in which a reader looks. */
function facts(object: KubeObject | undefined): Map<string, string> {
  const http = (object as VirtualService | undefined)?.spec?.http ?? [];
  const revision = revisionsBySubset(http);
  const open = http.filter(isWeighted);
  return new Map([
    ...weightFacts(open, revision),
    ...shadowFacts(open, revision),
    ...cohortFacts(http, revision),
    ...releaseFacts(http, revision),
  ]);
}

type RevisionOf = (destination: { readonly subset?: string } | undefined) => string;

/** Shares are said once where all routes have the same. */
function weightFacts(open: readonly HttpRoute[], revision: RevisionOf): [string, string][] {
  const shares = open.map(({ name, route = [] }) => {
    const weights = route.map(({ destination, weight = 100 }) => [revision(destination), String(weight)] as const);
    return { name: name ?? "", weights };
  });
  const same = new Set(shares.map(({ weights }) => JSON.stringify(weights))).size < 2;
  return (same ? shares.slice(0, 1) : shares).flatMap(({ name, weights }) => {
    return weights.map(([of, weight]): [string, string] => [same ? of : `${of} (${name})`, weight]);
  });
}

function shadowFacts(open: readonly HttpRoute[], revision: RevisionOf): [string, string][] {
  return open.flatMap(({ mirrors = [] }) => {
    return mirrors.map(({ destination, percentage }): [string, string] => {
      return [`shadow ${revision(destination)}`, `${percentage?.value ?? 100}%`];
    });
  });
}

function cohortFacts(http: readonly HttpRoute[], revision: RevisionOf): [string, string][] {
  return http.flatMap((route) => {
    const cohort = cohortOf(route);
    return cohort === undefined ? [] : [[`cohort ${cohort}`, cohortText(route, revision)]];
  });
}

function cohortText({ route = [] }: HttpRoute, revision: RevisionOf): string {
  return formatCohort(
    route.map(({ destination, weight = 100 }) => ({ revision: revision(destination), percent: weight })),
  );
}

function releaseFacts(http: readonly HttpRoute[], revision: RevisionOf): [string, string][] {
  return http.flatMap((route) => {
    return releasesOf(route).map((release): [string, string] => [
      `release ${release}`,
      revision(route.route?.[0]?.destination),
    ]);
  });
}

/** A pin leads to a revision alone: its subset is the revision's name, whatever is in it. */
function revisionsBySubset(http: readonly HttpRoute[]): RevisionOf {
  const pins = http.filter(isPinned);
  const exact = new Set(pins.map(({ route }) => route?.[0]?.destination?.subset));
  return (destination) => {
    const subset = destination?.subset ?? "all";
    const guard = exact.has(subset) ? -1 : subset.lastIndexOf(GUARD);
    return guard < 0 ? subset : subset.slice(0, guard);
  };
}
