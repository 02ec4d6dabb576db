import { nearest } from "../fleet/nearest.js";
import type { ContractSpec, FleetSpec } from "../fleet/spec.js";

/**
 * A contract of a fleet by its name.
 * @throws Error that lists what there is
 */
export function contractOfFleet(fleet: FleetSpec, name: string): ContractSpec {
  const found = fleet.contracts.find((contract) => contract.name === name);
  if (found) return found;
  const names = fleet.contracts.map((contract) => contract.name);
  const meant = nearest(name, names);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new Error(`the fleet file has no contract "${name}"; it has ${names.join(", ")}${hint}`);
}

/** @throws Error that lists what there is */
export function checkRevision(contract: ContractSpec, revision: string): void {
  const names = contract.revisions.map(({ name }) => name);
  if (names.includes(revision)) return;
  throw new Error(`${contract.name} has no revision "${revision}"; it has ${names.join(", ")}`);
}

/** A fleet of some of its contracts, as they are given, and of those that their compositions come to call. */
export function withCallees(fleet: FleetSpec, contracts: readonly ContractSpec[]): FleetSpec {
  const kept = new Map(contracts.map((contract) => [contract.name, contract]));
  // A map is walked with what is added on the way.
  for (const { calls } of kept.values()) {
    for (const name of calls) if (!kept.has(name)) kept.set(name, contractOfFleet(fleet, name));
  }
  return { ...fleet, contracts: [...kept.values()] };
}
