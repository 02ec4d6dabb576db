import type { Member } from "../src/fleet/members.js";
import { deploymentName, revisionLabels } from "../src/fleet/names.js";
import type { RevisionSpec } from "../src/fleet/spec.js";

/** Name, place and labels of an object that belongs to one revision. */
export function revisionMetadata({ fleet, contract }: Member, revision: RevisionSpec) {
  return {
    name: deploymentName(contract, revision.name),
    namespace: fleet.namespace,
    labels: revisionLabels({ fleet: fleet.name, contract: contract.name, revision: revision.name }),
  };
}
