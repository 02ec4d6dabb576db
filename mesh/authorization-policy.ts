import type { IAuthorizationPolicy } from "@kubernetes-models/istio/security.istio.io/v1/AuthorizationPolicy";
import type { Member } from "../src/fleet/members.js";
import { contractSelector, PORT, principal } from "../src/fleet/names.js";
import type { FleetSpec } from "../src/fleet/spec.js";
import { type AllowRule, allow } from "./allow-rule.js";
import { gatewayAccount } from "./ingress-account.js";
import { contractMetadata, fleetMetadata } from "./metadata.js";
import { ingressMethods } from "./method-class.js";
import { HEALTH, methodPath, OPEN_INFERENCE, REFLECTION } from "./method-paths.js";

/** Nobody may call anything in the fleet's namespace: a policy that allows what its rules say, and has none. */
export function denyByDefault(fleet: FleetSpec): IAuthorizationPolicy {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: fleetMetadata(fleet, `${fleet.name}-deny-by-default`),
    spec: { action: "ALLOW" },
  };
}

/** Who may call which methods of a contract. Whom it does not list, denyByDefault() keeps out. */
export function authorizationPolicy(member: Member): IAuthorizationPolicy {
  const rules = [
    ...methodRules(member),
    ...protocolRules(member),
    ...bridgeRules(member),
    ...ingressRules(member),
    ...metricsRules(member.fleet),
  ];
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: contractMetadata(member),
    spec: {
      selector: { matchLabels: contractSelector(member.contract.name) },
      action: "ALLOW",
      ...(rules.length > 0 && { rules }),
    },
  };
}

/** Each method's callers: its own, or else the contract's. */
function methodRules(member: Member): AllowRule[] {
  const { service, callers } = member;
  const others = service.methods.filter(({ name }) => !callers.byMethod.has(name));
  return [
    ...allowCallers(
      member,
      callers.all,
      others.map(({ name }) => methodPath(service, name)),
    ),
    ...[...callers.byMethod].flatMap(([method, own]) => allowCallers(member, own, [methodPath(service, method)])),
  ];
}

/**
 * Health is for whoever may call anything, reflection for the contract's callers. The Open Inference Protocol reaches the
 * model past the contract's methods, so that it is for those who may call each of them.
 */
function protocolRules(member: Member): AllowRule[] {
  const { all, byMethod } = member.callers;
  const everywhere = all.filter((caller) => [...byMethod.values()].every((own) => own.includes(caller)));
  const anywhere = [...new Set([...all, ...[...byMethod.values()].flat()])].sort();
  return [
    ...allowCallers(member, everywhere, [`${OPEN_INFERENCE}*`]),
    ...allowCallers(member, all, [`${REFLECTION}*`]),
    ...allowCallers(member, anywhere, [`${HEALTH}*`]),
  ];
}

/** A bridge calls one method, whose messages it learns by reflection. */
function bridgeRules(member: Member): AllowRule[] {
  return member.callers.bridges.flatMap(({ account, method }) =>
    allowCallers(member, [account], [methodPath(member.service, method), `${REFLECTION}*`]),
  );
}

/** The ingress calls for those outside the mesh. */
function ingressRules(member: Member): AllowRule[] {
  const { fleet, contract, service } = member;
  if (!contract.ingress || fleet.ingress === undefined) return [];
  const paths = ingressMethods(member).map(({ name }) => methodPath(service, name));
  return allowCallers(member, [gatewayAccount(fleet, fleet.ingress)], paths);
}

/** By port alone: the metrics are no port of the Service, and Istio may not know that they are HTTP. */
export function metricsRules({ telemetry, mesh }: FleetSpec): AllowRule[] {
  const { scraper } = telemetry;
  return scraper === undefined ? [] : allow([principal(mesh.trustDomain, scraper)], { port: PORT.metrics });
}

function allowCallers({ fleet }: Member, accounts: readonly string[], paths: readonly string[]): AllowRule[] {
  const principals = accounts.map((account) => principal(fleet.mesh.trustDomain, account));
  return allow(principals, { port: PORT.grpc, paths });
}
