import type { Member } from "../../src/fleet/members.js";
import { deploymentName } from "../../src/fleet/names.js";
import type { RevisionSpec } from "../../src/fleet/spec.js";

/** The revision that an engine rolls out: the one with the traffic. */
export function deliveredRevision({ contract }: Member): RevisionSpec {
  const [share] = contract.traffic;
  return contract.revisions.find(({ name }) => name === share?.revision)!;
}

/** Name of the Deployment that an engine watches, and of the engine's own objects for it. */
export function deliveredName(member: Member): string {
  return deploymentName(member.contract, deliveredRevision(member).name);
}
