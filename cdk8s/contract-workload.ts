import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import { contractMetadata } from "../mesh/metadata.js";
import type { Member } from "../src/fleet/members.js";
import { contractSelector } from "../src/fleet/names.js";
import { addContractPolicy } from "./network-policy.js";
import { addService } from "./service.js";

/** What all revisions of a contract share: their identity, the name they are called by, and who may reach them. */
export function addContract(scope: Construct, member: Member): void {
  const metadata = contractMetadata(member);
  // The mesh knows the pods by it; they get no token of it.
  new k8s.KubeServiceAccount(scope, `service-account-${metadata.name}`, {
    metadata,
    automountServiceAccountToken: false,
  });
  // Flagger makes the Service, as it chooses the pods behind it.
  if (member.contract.delivery?.engine !== "flagger") {
    addService(scope, { metadata, selector: contractSelector(member.contract.name) });
  }
  addContractPolicy(scope, member);
}
