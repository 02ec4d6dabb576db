import type { HttpRoute } from "../../mesh/http-route.js";
import { cohortMatch } from "../../mesh/route-match.js";
import type { SubsetIndex } from "./subset-index.js";
import type { Traffic } from "./traffic.js";
import { cohortOf, isWeighted } from "./virtual-service.js";

/** How the routes that split by weights are named, before their methods' part. */
const DEFAULT_PREFIX = "default-";
const STREAMS = `${DEFAULT_PREFIX}streams`;

/**
 * The routes of a VirtualService with other traffic, and all else as it was. They are written as `flotilla manifests`
 * writes them, so that a fleet file that says the same gives the same routes.
 * @param http the routes as they are, one for each class of methods without a header among them
 */
export function withTraffic(http: readonly HttpRoute[], traffic: Traffic, subsets: SubsetIndex): HttpRoute[] {
  const weighted = http.filter(isWeighted).map((route) => weightedRoute(route, { http, traffic, subsets }));
  const others = http.filter((route) => !isWeighted(route) && cohortOf(route) === undefined);
  const cohorts = [...traffic.cohorts].flatMap(([cohort, revision]) => {
    const kept = http.filter((route) => cohortOf(route) === cohort);
    const leads = kept.length > 0 && subsets.revisionOf(kept[0]!.route?.[0]?.destination?.subset) === revision;
    if (leads) return kept;
    return weighted.map((route) => cohortRoute(route, cohort, subsets.serving(revision)));
  });
  return [...others, ...cohorts, ...weighted];
}

interface Edit {
  readonly http: readonly HttpRoute[];
  readonly traffic: Traffic;
  readonly subsets: SubsetIndex;
}

function weightedRoute(route: HttpRoute, { http, traffic, subsets }: Edit): HttpRoute {
  const { mirrors: _, ...rest } = route;
  const { shadow, weights } = traffic;
  const to = (subset: string) => ({ ...route.route![0]!.destination!, subset });
  const copied = shadow !== undefined && !isStreaming(route, http);
  return {
    ...rest,
    route: weights.map(({ revision, percent }) => ({ destination: to(subsets.serving(revision)), weight: percent })),
    ...(copied && {
      mirrors: [{ destination: to(subsets.exact(shadow.revision)), percentage: { value: shadow.percent } }],
    }),
  };
}

function cohortRoute(route: HttpRoute, cohort: string, subset: string): HttpRoute {
  const { mirrors: _, ...rest } = route;
  const name = route.name!.slice(DEFAULT_PREFIX.length);
  return {
    ...rest,
    name: `cohort-${cohort}-${name}`,
    match: route.match?.map((match) => ({ ...match, headers: cohortMatch(cohort) })),
    route: [{ destination: { ...route.route![0]!.destination!, subset }, weight: 100 }],
  };
}

/**
 * Streams are never tried again, and get no copies. Where calls are not tried again either, a method with a deadline of
 * its own can't be told from a stream: without a copy of its calls nothing is lost but the copies.
 */
function isStreaming(route: HttpRoute, http: readonly HttpRoute[]): boolean {
  if (route.name === STREAMS) return true;
  if (route.name === `${DEFAULT_PREFIX}calls` || (route.mirrors ?? []).length > 0) return false;
  if (http.some((other) => isWeighted(other) && (other.mirrors ?? []).length > 0)) return true;
  return route.retries?.attempts === 0;
}
