import type { IGRPCRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRoute";
import type { IGRPCRouteFilter } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRouteFilter";
import type { IGRPCRouteMatch } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRouteMatch";
import type { IGRPCRouteRule } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRouteRule";
import type { Member } from "../src/fleet/members.js";
import { PORT, workloadName } from "../src/fleet/names.js";
import type { ServiceMethod } from "../src/fleet/services.js";
import type { ContractSpec, IngressSpec, WeightSpec } from "../src/fleet/spec.js";
import {
  COHORT_HEADER,
  PIN_HEADER,
  RELEASE_HEADER,
  RELEASE_REVISION_HEADER,
  releaseLedTo,
} from "../src/telemetry/trace.js";
import { contractMetadata } from "./metadata.js";
import { ingressMethods } from "./method-class.js";
import { releasedRevisions } from "./routes.js";

/** A share of calls in hundredths of a per cent, as fractions are made of whole numbers. */
const FRACTION = 10_000;

/**
 * Pins go with a call through the whole fleet: callers from outside don't get to say who answers whom there, nor that a
 * release led them.
 */
const WITHOUT_PINS: IGRPCRouteFilter = {
  type: "RequestHeaderModifier",
  requestHeaderModifier: { remove: [PIN_HEADER, RELEASE_REVISION_HEADER] },
};

/**
 * How calls from a gateway of the Gateway API reach a contract. It knows Services and no subsets: each revision has a
 * Service of its own. Time-outs, retries and the fallback are no part of GRPCRoute.
 */
export function grpcRoute(member: Member, ingress: IngressSpec): IGRPCRoute {
  const { fleet, contract } = member;
  const methods = ingressMethods(member);
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "GRPCRoute",
    metadata: contractMetadata(member),
    spec: {
      parentRefs: [{ name: fleet.name }],
      hostnames: [ingress.host],
      rules: [
        ...releasedRevisions(contract).map(({ revision, releases }) => ({
          matches: releases.flatMap((release) => matches(member, methods, { name: RELEASE_HEADER, value: release })),
          filters: [asReleased(contract.name, revision)],
          backendRefs: backends(contract, [{ revision, weightPercent: 100 }]),
        })),
        ...[...contract.cohorts].map(([cohort, weights]) => ({
          matches: matches(member, methods, { name: COHORT_HEADER, value: cohort }),
          filters: [WITHOUT_PINS],
          backendRefs: backends(contract, weights),
        })),
        ...trafficRules(member, methods),
      ],
    },
  };
}

/** Streams apart from the other calls where there is a shadow: it gets no copy of them. */
function trafficRules(member: Member, methods: readonly ServiceMethod[]): IGRPCRouteRule[] {
  const { contract } = member;
  const streams = methods.filter(({ streaming }) => streaming);
  const calls = methods.filter(({ streaming }) => !streaming);
  const copied = shadowFilters(contract);
  const groups = copied.length === 0 ? [methods] : [streams, calls];
  return groups
    .filter((group) => group.length > 0)
    .map((group) => ({
      matches: matches(member, group),
      filters: group === calls ? [WITHOUT_PINS, ...copied] : [WITHOUT_PINS],
      backendRefs: backends(contract, contract.traffic),
    }));
}

function matches(
  { service }: Member,
  methods: readonly ServiceMethod[],
  header?: { readonly name: string; readonly value: string },
): IGRPCRouteMatch[] {
  return methods.map(({ name }) => ({
    method: { type: "Exact", service: service.name, method: name },
    ...(header !== undefined && { headers: [{ type: "Exact", ...header }] }),
  }));
}

/** The server is told that a release led the call there. */
function asReleased(contract: string, revision: string): IGRPCRouteFilter {
  const set = [{ name: RELEASE_REVISION_HEADER, value: releaseLedTo(contract, revision) }];
  return { type: "RequestHeaderModifier", requestHeaderModifier: { set, remove: [PIN_HEADER] } };
}

function backends(contract: ContractSpec, shares: readonly WeightSpec[]) {
  return shares.map(({ revision, weightPercent }) => ({ ...backend(contract, revision), weight: weightPercent }));
}

function backend(contract: ContractSpec, revision: string) {
  return { group: "", kind: "Service", name: workloadName(contract.name, revision), port: PORT.grpc };
}

function shadowFilters(contract: ContractSpec): IGRPCRouteFilter[] {
  const { shadow } = contract;
  if (shadow === undefined) return [];
  const fraction = { numerator: Math.round((shadow.percent / 100) * FRACTION), denominator: FRACTION };
  return [{ type: "RequestMirror", requestMirror: { backendRef: backend(contract, shadow.revision), fraction } }];
}
