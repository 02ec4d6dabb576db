import type { Construct } from "constructs";
import type { Member } from "../src/fleet/members.js";
import { deploymentSelector, workloadName } from "../src/fleet/names.js";
import type { RevisionSpec } from "../src/fleet/spec.js";
import { addAutoscaler } from "./autoscaler.js";
import { addDeployment } from "./deployment.js";
import { addDisruptionBudget } from "./disruption-budget.js";
import { addRevisionPolicy } from "./network-policy.js";
import { revisionMetadata } from "./revision-metadata.js";
import { addService } from "./service.js";

/** What belongs to one revision alone. */
export function addRevision(scope: Construct, member: Member, revision: RevisionSpec): void {
  addDeployment(scope, member, revision);
  addAutoscaler(scope, member, revision);
  addDisruptionBudget(scope, member, revision);
  addRevisionPolicy(scope, member, revision);
  addRoutedService(scope, member, revision);
}

/** A GRPCRoute can't name a subset: its weights go to Services. Istio's own routes need none of a revision's own. */
function addRoutedService(scope: Construct, member: Member, revision: RevisionSpec): void {
  const { fleet, contract } = member;
  if (!contract.ingress || fleet.ingress?.via !== "gateway-api") return;
  addService(scope, {
    metadata: { ...revisionMetadata(member, revision), name: workloadName(contract.name, revision.name) },
    selector: deploymentSelector(contract, revision.name),
  });
}
