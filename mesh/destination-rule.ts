import type { IDestinationRule } from "@kubernetes-models/istio/networking.istio.io/v1/DestinationRule";
import type { Member } from "../src/fleet/members.js";
import { revisionHost, serviceHost, workloadName } from "../src/fleet/names.js";
import { loadBalancer } from "./load-balancer.js";
import { contractMetadata } from "./metadata.js";
import { subsets } from "./subset.js";
import { trafficPolicy } from "./traffic-policy.js";

/** The groups of pods that a contract's routes name, and how callers treat them. */
export function destinationRule(member: Member): IDestinationRule {
  const { fleet, contract } = member;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: contractMetadata(member),
    spec: {
      host: serviceHost(contract.name, fleet.namespace),
      trafficPolicy: trafficPolicy(contract),
      subsets: subsets(member).map(({ name, labels, guarded }) => ({
        name,
        labels,
        // Istio takes a subset's load balancer in place of the whole one above.
        ...(guarded && { trafficPolicy: { loadBalancer: loadBalancer(contract, true) } }),
      })),
    },
  };
}

/** The same treatment for the Services of single revisions, which a gateway of the Gateway API leads to. */
export function revisionDestinationRules(member: Member): IDestinationRule[] {
  const { fleet, contract } = member;
  return contract.revisions.map(({ name }) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: contractMetadata(member, workloadName(contract.name, name)),
    spec: {
      host: revisionHost({ contract: contract.name, revision: name, namespace: fleet.namespace }),
      trafficPolicy: trafficPolicy(contract),
    },
  }));
}
