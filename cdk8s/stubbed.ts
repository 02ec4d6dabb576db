import type { Member } from "../src/fleet/members.js";
import type { ContractSpec, RevisionSpec, StubSpec } from "../src/fleet/spec.js";

/** What a stub's pod asks for and may use: Node.js, and no model. */
const STUB_RESOURCES = { cpu: 0.5, cpuRequest: 0.01, memoryBytes: 192 * 2 ** 20 };
const STUB_PODS = { min: 1, max: 1, inFlight: undefined };

/**
 * A contract as its pods are. A stub has all that callers know of the contract: its Service, identity, routes and subsets;
 * and nothing of the models: no volume, no pods enough for their load, no roll-out that looks at their metrics.
 */
export function stubbed(member: Member): Member {
  const { contract } = member;
  if (contract.stub === undefined) return member;
  return { ...member, contract: { ...contract, delivery: undefined, revisions: contract.revisions.map(stubRevision) } };
}

function stubRevision(revision: RevisionSpec): RevisionSpec {
  const replicas = { ...revision.replicas, ...STUB_PODS };
  return { ...revision, source: undefined, resources: STUB_RESOURCES, replicas };
}

/** Arguments of the container of a stub: golden cases answer as the revision that its pod stands for does. */
export function stubArguments(
  { name }: ContractSpec,
  { latency, errors, golden }: StubSpec,
  revision: RevisionSpec,
): string[] {
  const profile = [...errors].map(([code, percent]) => `${code}=${percent}%`).join(",");
  return [
    ...["stub", name, "--host", "0.0.0.0"],
    ...(golden ? ["--revision", revision.name] : ["--no-golden"]),
    ...(latency === undefined ? [] : ["--latency", latency]),
    ...(profile === "" ? [] : ["--errors", profile]),
  ];
}
