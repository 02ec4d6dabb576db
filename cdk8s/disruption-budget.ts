import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import type { Member } from "../src/fleet/members.js";
import { deploymentSelector } from "../src/fleet/names.js";
import type { RevisionSpec } from "../src/fleet/spec.js";
import { revisionMetadata } from "./revision-metadata.js";

/**
 * The PodDisruptionBudget of a revision: whoever empties a node takes one of its pods at a time. Where a revision has but
 * one pod, it may be taken, too, and the revision is away until another has started: a budget that forbade it would keep
 * nodes from ever being emptied.
 */
export function addDisruptionBudget(scope: Construct, member: Member, revision: RevisionSpec): void {
  const metadata = revisionMetadata(member, revision);
  new k8s.KubePodDisruptionBudget(scope, `disruption-budget-${metadata.name}`, {
    metadata,
    spec: {
      maxUnavailable: k8s.IntOrString.fromNumber(1),
      selector: { matchLabels: deploymentSelector(member.contract, revision.name) },
      // A pod that does not work is not worth keeping, and must not hold a node.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  });
}
