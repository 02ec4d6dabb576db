import type { Target } from "./apply-traffic.js";
import { type ContractObjects, findContract } from "./contract-objects.js";
import { revisionPods } from "./revision-pods.js";
import { readTraffic } from "./traffic.js";
import type { Situation } from "./traffic-plan.js";
import { readState } from "./traffic-state.js";

/** Which contract. */
export interface ContractKey {
  readonly contract: string;
  readonly namespace: string;
}

/** A contract as it is: its objects, and what plans are made from. */
export interface Observed {
  readonly objects: ContractObjects;
  readonly situation: Situation;
}

/**
 * Looks at a contract.
 * @throws ClusterError
 */
export async function observe(target: Target, { contract, namespace }: ContractKey): Promise<Observed> {
  const objects = await findContract(target.cluster, target.resources, { contract, namespace });
  return { objects, situation: await situationOf(target, objects) };
}

/** What plans for a contract are made from. */
export async function situationOf({ cluster, resources }: Target, objects: ContractObjects): Promise<Situation> {
  const traffic = readTraffic(objects.service, objects.subsets);
  const state = readState(objects.service, traffic);
  const revisions = await revisionPods(cluster, resources, objects);
  return { contract: objects.contract, revisions, traffic, state };
}
