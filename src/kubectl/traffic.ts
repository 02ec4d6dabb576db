import type { HttpRoute } from "../../mesh/http-route.js";
import type { SubsetIndex } from "./subset-index.js";
import { cohortOf, isWeighted, releasesOf, type VirtualService } from "./virtual-service.js";

/** Where a contract's calls go. */
export interface Traffic {
  /** Adding up to 100, without zeros, in the routes' order. */
  readonly weights: readonly Weight[];
  /** Who gets copies. */
  readonly shadow: Shadow | undefined;
  /** Who answers each cohort's calls, as `weights` says it of all others'. */
  readonly cohorts: ReadonlyMap<string, readonly Weight[]>;
  /** Revision by release. The fleet file's alone to say: no command changes it. */
  readonly releases: ReadonlyMap<string, string>;
}

export interface Weight {
  readonly revision: string;
  readonly percent: number;
}

export interface Shadow {
  readonly revision: string;
  readonly percent: number;
}

/**
 * Reads a contract's VirtualService.
 * @throws Error where its routes split the traffic in different ways: somebody edited them by hand
 */
export function readTraffic(service: VirtualService, subsets: SubsetIndex): Traffic {
  const http = service.spec?.http ?? [];
  const weighted = http.filter(isWeighted);
  const splits = weighted.map((route) => weightsOf(route, subsets));
  const [first = []] = splits;
  const odd = splits.findIndex((split) => formatWeights(split) !== formatWeights(first));
  if (odd >= 0) throw new Error(oddRoutes(service, weighted, [first, splits[odd]!, odd]));
  return {
    weights: first,
    shadow: shadowOf(weighted, subsets),
    cohorts: cohortsOf(http, subsets),
    releases: releaseRevisions(http, subsets),
  };
}

/** Weights as a person says them: `r1 90, r2 10`. */
export function formatWeights(weights: readonly Weight[]): string {
  return weights.map(({ revision, percent }) => `${revision} ${percent}`).join(", ");
}

/** The same of a cohort: `r2` where one revision has all its calls, or `r1 80, r2 20`. */
export function formatCohort(weights: readonly Weight[]): string {
  return weights.length === 1 ? weights[0]!.revision : formatWeights(weights);
}

/** A revision's weight; 0 where it has none. */
export function weightOf({ weights }: Pick<Traffic, "weights">, revision: string): number {
  return weights.find((weight) => weight.revision === revision)?.percent ?? 0;
}

/** Where a route's calls go, without those that get none. */
export function weightsOf({ route = [] }: HttpRoute, subsets: SubsetIndex): Weight[] {
  return route
    .map(({ destination, weight = 100 }) => ({ revision: subsets.revisionOf(destination?.subset), percent: weight }))
    .filter(({ percent }) => percent > 0);
}

function shadowOf(weighted: readonly HttpRoute[], subsets: SubsetIndex): Shadow | undefined {
  const [mirror] = weighted.flatMap(({ mirrors = [] }) => mirrors);
  if (mirror === undefined) return undefined;
  return { revision: subsets.revisionOf(mirror.destination?.subset), percent: mirror.percentage?.value ?? 100 };
}

function cohortsOf(http: readonly HttpRoute[], subsets: SubsetIndex): Map<string, Weight[]> {
  const cohorts = new Map<string, Weight[]>();
  for (const route of http) {
    const cohort = cohortOf(route);
    if (cohort !== undefined) cohorts.set(cohort, weightsOf(route, subsets));
  }
  return cohorts;
}

function releaseRevisions(http: readonly HttpRoute[], subsets: SubsetIndex): Map<string, string> {
  return new Map(
    http.flatMap((route) => {
      const revision = subsets.revisionOf(route.route?.[0]?.destination?.subset);
      return releasesOf(route).map((release) => [release, revision] as const);
    }),
  );
}

function oddRoutes(
  { metadata }: VirtualService,
  weighted: readonly HttpRoute[],
  [first, other, index]: [readonly Weight[], readonly Weight[], number],
): string {
  return (
    `VirtualService ${metadata.namespace}/${metadata.name}: its routes split the traffic in different ways: ` +
    `${weighted[0]!.name} ${formatWeights(first)}, ${weighted[index]!.name} ${formatWeights(other)}; ` +
    "apply the fleet's manifests again, or give all routes the same weights"
  );
}
