import type { Member } from "../src/fleet/members.js";
import {
  contractSelector,
  deploymentSelector,
  guardSelector,
  revisionSelector,
  subsetName,
} from "../src/fleet/names.js";
import type { ContractSpec } from "../src/fleet/spec.js";

/** Pods of a contract that a route can name. */
export interface Subset {
  readonly name: string;
  readonly labels: Record<string, string>;
  /** Whether the fallback's pods are in it too, for when the others fail. */
  readonly guarded: boolean;
}

/** The two states of one revision between which Argo Rollouts shifts the traffic. */
export const ROLLOUT_SUBSETS = { stable: "stable", canary: "canary" } as const;

/** All that a contract's routes can name, in the fleet file's order. */
export function subsets({ contract }: Member): Subset[] {
  return [...contract.revisions.flatMap(({ name }) => subsetsOf(contract, name)), ...rolloutSubsets(contract)];
}

/** The subset that serves a revision's traffic: guarded by the fallback where there is one. */
export function servingSubset(contract: ContractSpec, revision: string): Subset {
  return subsetsOf(contract, revision).at(-1)!;
}

/** The subset of a revision's pods and no others. */
export function exactSubset(contract: ContractSpec, revision: string): Subset {
  return { name: subsetName(revision), labels: revisionSelector(contract.name, revision), guarded: false };
}

function subsetsOf(contract: ContractSpec, revision: string): Subset[] {
  const exact = exactSubset(contract, revision);
  const fallback = contract.fallback?.revision;
  if (fallback === undefined || fallback === revision) return [exact];
  const name = subsetName(`${subsetName(revision)}-or-${subsetName(fallback)}`);
  return [exact, { name, labels: { ...contractSelector(contract.name), ...guardSelector(revision) }, guarded: true }];
}

/** Both begin as the same pods, of whatever revisions; the engine adds the label by which they differ. */
function rolloutSubsets(contract: ContractSpec): Subset[] {
  if (contract.delivery?.engine !== "argo") return [];
  const labels = deploymentSelector(contract, contract.traffic[0]!.revision);
  return Object.values(ROLLOUT_SUBSETS).map((name) => ({ name, labels, guarded: false }));
}
