import type { Member } from "../src/fleet/members.js";
import { PORT, serviceHost } from "../src/fleet/names.js";
import type { ContractSpec, WeightSpec } from "../src/fleet/spec.js";
import { RELEASE_REVISION_HEADER, releaseLedTo } from "../src/telemetry/trace.js";
import { toDuration } from "./duration.js";
import type { HttpRoute } from "./http-route.js";
import type { MethodClass } from "./method-class.js";
import { retryPolicy } from "./retry-policy.js";
import { cohortMatch, type HeaderMatches, pinMatch, releaseMatch } from "./route-match.js";
import { exactSubset, ROLLOUT_SUBSETS, type Subset, servingSubset } from "./subset.js";

/** Where calls go that have some headers, or any. */
export interface Steering {
  /** First part of the routes' names. */
  readonly name: string;
  /** Any of these. Undefined: all calls. */
  readonly headers: readonly HeaderMatches[] | undefined;
  /** Headers that the server is told. */
  readonly told?: Readonly<Record<string, string>>;
  /** Adding up to 100. */
  readonly shares: readonly Share[];
  /** Whether the shadow gets a copy. */
  readonly mirrored: boolean;
}

interface Share {
  readonly subset: Subset;
  readonly weightPercent: number;
}

/** First part of the names of the routes that split the traffic by weights. */
const DEFAULT = "default";

/** Calls that are pinned to a revision get that and no other, whatever its share. */
export function pinned({ contract }: Member): Steering[] {
  return contract.revisions.map(({ name }) => ({
    name: `pin-${name}`,
    headers: [pinMatch(contract.name, name)],
    shares: [{ subset: exactSubset(contract, name), weightPercent: 100 }],
    mirrored: false,
  }));
}

/**
 * Calls that name a release get the revision that it holds and no other, not even a fallback. The server is told so: it
 * refuses a call that names a release and came by another route.
 */
function released({ contract }: Member): Steering[] {
  return releasedRevisions(contract).map(({ revision, releases }) => ({
    name: `release-${revision}`,
    headers: releases.map(releaseMatch),
    told: { [RELEASE_REVISION_HEADER]: releaseLedTo(contract.name, revision) },
    shares: [{ subset: exactSubset(contract, revision), weightPercent: 100 }],
    mirrored: false,
  }));
}

/** The revisions that releases hold, each with the names of those. */
export function releasedRevisions({ revisions, releases }: ContractSpec): { revision: string; releases: string[] }[] {
  return revisions
    .map(({ name }) => ({
      revision: name,
      releases: [...releases.keys()].filter((release) => releases.get(release) === name),
    }))
    .filter((held) => held.releases.length > 0);
}

/** Calls that name a release, those of cohorts, and all the others. */
export function shared(member: Member): Steering[] {
  const { contract } = member;
  const cohorts = [...contract.cohorts].map(([cohort, weights]) => ({
    name: `cohort-${cohort}`,
    headers: [cohortMatch(cohort)],
    shares: servingShares(contract, weights),
    mirrored: false,
  }));
  const others = { name: DEFAULT, headers: undefined, shares: trafficShares(contract), mirrored: true };
  return [...released(member), ...cohorts, others];
}

function trafficShares(contract: ContractSpec): Share[] {
  if (contract.delivery?.engine !== "argo") return servingShares(contract, contract.traffic);
  const { stable, canary } = ROLLOUT_SUBSETS;
  const exact = exactSubset(contract, contract.traffic[0]!.revision);
  return [
    { subset: { ...exact, name: stable }, weightPercent: 100 },
    { subset: { ...exact, name: canary }, weightPercent: 0 },
  ];
}

function servingShares(contract: ContractSpec, weights: readonly WeightSpec[]): Share[] {
  return weights.map(({ revision, weightPercent }) => ({ subset: servingSubset(contract, revision), weightPercent }));
}

/** The routes of a VirtualService, in the order in which they are tried. A call that none of them matches has no route. */
export function routes(member: Member, steerings: readonly Steering[], classes: readonly MethodClass[]): HttpRoute[] {
  return steerings.flatMap((steering) => classes.map((methods) => route(member, steering, methods)));
}

/** Names of the routes that split the traffic by weights: what a roll-out changes. */
export function weightedRouteNames(classes: readonly MethodClass[]): string[] {
  return classes.map((methods) => routeName(DEFAULT, methods));
}

function routeName(steering: string, methods: MethodClass): string {
  return `${steering}-${methods.name}`;
}

function route(member: Member, steering: Steering, methods: MethodClass): HttpRoute {
  const { contract } = member;
  const { headers = [undefined], told, shares } = steering;
  const guarded = shares.some(({ subset }) => subset.guarded);
  return {
    name: routeName(steering.name, methods),
    match: methods.paths.flatMap((uri) => headers.map((wanted) => ({ uri, ...(wanted && { headers: wanted }) }))),
    ...(told && { headers: { request: { set: { ...told } } } }),
    route: shares.map(({ subset, weightPercent }) => {
      return { destination: destination(member, subset), weight: weightPercent };
    }),
    timeout: toDuration(methods.timeoutMs),
    retries: retryPolicy(contract, { streaming: methods.streaming, guarded }),
    ...(steering.mirrored && !methods.streaming && mirrors(member)),
  };
}

/** A copy of calls alone: one of a stream would keep the shadow busy for as long as the stream lives. */
function mirrors(member: Member): Pick<HttpRoute, "mirrors"> {
  const { contract } = member;
  if (contract.shadow === undefined) return {};
  const { revision, percent } = contract.shadow;
  return {
    mirrors: [{ destination: destination(member, exactSubset(contract, revision)), percentage: { value: percent } }],
  };
}

function destination({ fleet, contract }: Member, subset: Subset) {
  const host = serviceHost(contract.name, fleet.namespace);
  return { host, port: { number: PORT.grpc }, subset: subset.name };
}
