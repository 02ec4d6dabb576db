import { serviceName } from "./names.js";
import type { ContractSpec, FleetSpec } from "./spec.js";

/** Who may call each contract of a fleet, as `namespace/serviceaccount`, by contract and then by method. */
export type Callers = ReadonlyMap<string, ContractCallers>;

export interface ContractCallers {
  /** Who may call the methods that don't say otherwise. */
  readonly all: readonly string[];
  /** Who may call a method that names its own callers, by its name. */
  readonly byMethod: ReadonlyMap<string, readonly string[]>;
}

/** The callers that the fleet file names, and the fleet's own contracts that call others. */
export function fleetCallers(fleet: FleetSpec): Callers {
  const own = new Map<string, string[]>();
  for (const { name, calls } of fleet.contracts) {
    for (const callee of calls) own.set(callee, [...(own.get(callee) ?? []), accountOf(fleet, name)]);
  }
  return new Map(fleet.contracts.map((contract) => [contract.name, callersOf(contract, own.get(contract.name) ?? [])]));
}

/** The service account of a contract's pods, as `namespace/serviceaccount`. */
export function accountOf(fleet: FleetSpec, contract: string): string {
  return `${fleet.namespace}/${serviceName(contract)}`;
}

function callersOf({ callers, methods }: ContractSpec, own: readonly string[]): ContractCallers {
  const byMethod = new Map<string, readonly string[]>();
  for (const [name, method] of methods) {
    if (method.callers !== undefined) byMethod.set(name, unique([...method.callers, ...own]));
  }
  return { all: unique([...callers, ...own]), byMethod };
}

function unique(accounts: readonly string[]): string[] {
  return [...new Set(accounts)].sort();
}
