import { type ContractCallers, fleetCallers } from "./callers.js";
import type { ContractService } from "./services.js";
import type { ContractSpec, FleetSpec } from "./spec.js";

/** A contract as a member of its fleet: all that its manifests are made from. */
export interface Member {
  readonly fleet: FleetSpec;
  readonly contract: ContractSpec;
  readonly service: ContractService;
  readonly callers: ContractCallers;
}

/** The members of a fleet, in the file's order. */
export function fleetMembers(fleet: FleetSpec, services: ReadonlyMap<string, ContractService>): Member[] {
  const callers = fleetCallers(fleet);
  return fleet.contracts.map((contract) => {
    return { fleet, contract, service: services.get(contract.name)!, callers: callers.get(contract.name)! };
  });
}
