import type { Member } from "../src/fleet/members.js";
import { revisionLabels, workloadName } from "../src/fleet/names.js";
import type { RevisionSpec } from "../src/fleet/spec.js";

/** Name, place and labels of an object that belongs to one revision. */
export function revisionMetadata({ fleet, contract }: Member, revision: RevisionSpec) {
  return {
    name: workloadName(contract.name, revision.name),
    namespace: fleet.namespace,
    labels: revisionLabels({ fleet: fleet.name, contract: contract.name, revision: revision.name }),
  };
}
