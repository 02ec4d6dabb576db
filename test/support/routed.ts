import { destinationRule } from "../../mesh/destination-rule.js";
import { virtualService } from "../../mesh/virtual-service.js";
import type { Member } from "../../src/fleet/members.js";
import { type DestinationRule, SubsetIndex } from "../../src/kubectl/subset-index.js";
import { readTraffic, type Traffic } from "../../src/kubectl/traffic.js";
import type { Situation } from "../../src/kubectl/traffic-plan.js";
import { readState } from "../../src/kubectl/traffic-state.js";
import type { VirtualService } from "../../src/kubectl/virtual-service.js";
import { memberOf, model } from "./members.js";

/** A contract on a cluster, as its manifests make it. */
export interface Routed {
  readonly member: Member;
  readonly service: VirtualService;
  readonly subsets: SubsetIndex;
  readonly traffic: Traffic;
  /** With a ready pod for each revision. */
  readonly situation: Situation;
}

/**
 * The contract `acme.fraud.v1` with revisions r0 to r3.
 * @param lines further lines of the contract, or of the fleet's `spec`
 */
export function routed(...lines: readonly (string | { readonly spec: string })[]): Routed {
  const fields = lines.filter((line) => typeof line === "string");
  const spec = lines.flatMap((line) => (typeof line === "string" ? [] : [line.spec])).join("\n");
  const revisions = ["r0", "r1", "r2", "r3"].map((name) => `  ${name}: ${model(name)}`).join("\n");
  const head = ["name: acme.fraud.v1", "callers: [shop/checkout]", `revisions:\n${revisions}`];
  const member = memberOf([...head, ...fields].join("\n"), spec);
  return routedAs(member, JSON.parse(JSON.stringify(virtualService(member))));
}

/** The same contract with another VirtualService. */
export function routedAs(member: Member, service: VirtualService): Routed {
  const subsets = new SubsetIndex(JSON.parse(JSON.stringify(destinationRule(member))) as DestinationRule);
  const traffic = readTraffic(service, subsets);
  const revisions = subsets.revisions.map((revision) => ({ revision, ready: 1, wanted: 1 }));
  const situation = { contract: member.contract.name, revisions, traffic, state: readState(service, traffic) };
  return { member, service, subsets, traffic, situation };
}
