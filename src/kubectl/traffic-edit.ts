import type { HttpRoute } from "../../mesh/http-route.js";
import { cohortMatch } from "../../mesh/route-match.js";
import type { SubsetIndex } from "./subset-index.js";
import { formatWeights, type Traffic, type Weight, weightsOf } from "./traffic.js";
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
  const cohorts = [...traffic.cohorts].flatMap(([cohort, weights]) => {
    const kept = http.filter((route) => cohortOf(route) === cohort);
    const asBefore = kept.length > 0 && formatWeights(weightsOf(kept[0]!, subsets)) === formatWeights(weights);
    return asBefore ? kept : weighted.map((route) => cohortRoute(route, cohort, destinations(route, weights, subsets)));
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
  const copied = shadow !== undefined && !isStreaming(route, http);
  return {
    ...rest,
    route: destinations(route, weights, subsets),
    ...(copied && {
      mirrors: [
        { destination: destination(route, subsets.exact(shadow.revision)), percentage: { value: shadow.percent } },
      ],
    }),
  };
}

type Destinations = NonNullable<HttpRoute["route"]>;

function destinations(route: HttpRoute, weights: readonly Weight[], subsets: SubsetIndex): Destinations {
  return weights.map(({ revision, percent }) => {
    return { destination: destination(route, subsets.serving(revision)), weight: percent };
  });
}

/** The contract's Service, as a route has it. */
function destination(route: HttpRoute, subset: string) {
  return { ...route.route![0]!.destination!, subset };
}

function cohortRoute(route: HttpRoute, cohort: string, to: Destinations): HttpRoute {
  const { mirrors: _, ...rest } = route;
  const name = route.name!.slice(DEFAULT_PREFIX.length);
  return {
    ...rest,
    name: `cohort-${cohort}-${name}`,
    match: route.match?.map((match) => ({ ...match, headers: cohortMatch(cohort) })),
    route: to,
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
