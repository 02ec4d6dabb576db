import { bridgeName, serviceName } from "./names.js";
import type { BridgeSpec, ContractSpec, FleetSpec } from "./spec.js";

/** Who may call each contract of a fleet, as `namespace/serviceaccount`, by contract and then by method. */
export type Callers = ReadonlyMap<string, ContractCallers>;

export interface ContractCallers {
  /** Who may call the methods that don't say otherwise. */
  readonly all: readonly string[];
  /** Who may call a method that names its own callers, by its name. */
  readonly byMethod: ReadonlyMap<string, readonly string[]>;
  /** Bridges, each with the one method that it may call besides. */
  readonly bridges: readonly BridgeCaller[];
}

export interface BridgeCaller {
  readonly account: string;
  readonly method: string;
}

/** The callers that the fleet file names, and the fleet's own: contracts that call others, and bridges. */
export function fleetCallers(fleet: FleetSpec): Callers {
  const own = new Map<string, string[]>();
  for (const { name, calls } of fleet.contracts) {
    for (const callee of calls) own.set(callee, [...(own.get(callee) ?? []), accountOf(fleet, name)]);
  }
  return new Map(
    fleet.contracts.map((contract) => {
      const callers = callersOf(contract, own.get(contract.name) ?? []);
      return [contract.name, { ...callers, bridges: bridgesOf(fleet, contract) }];
    }),
  );
}

/** The service account of a contract's pods, as `namespace/serviceaccount`. */
export function accountOf(fleet: FleetSpec, contract: string): string {
  return `${fleet.namespace}/${serviceName(contract)}`;
}

/** The service account of a bridge's pods, as `namespace/serviceaccount`. */
export function bridgeAccountOf(fleet: FleetSpec, { name }: BridgeSpec): string {
  return `${fleet.namespace}/${bridgeName(name)}`;
}

function bridgesOf(fleet: FleetSpec, { name }: ContractSpec): BridgeCaller[] {
  const own = fleet.bridges.filter(({ contract }) => contract === name);
  return own.map((bridge) => ({ account: bridgeAccountOf(fleet, bridge), method: bridge.method }));
}

function callersOf({ callers = [], methods }: ContractSpec, own: readonly string[]) {
  const byMethod = new Map<string, readonly string[]>();
  for (const [name, method] of methods) {
    if (method.callers !== undefined) byMethod.set(name, unique([...method.callers, ...own]));
  }
  return { all: unique([...callers, ...own]), byMethod };
}

function unique(accounts: readonly string[]): string[] {
  return [...new Set(accounts)].sort();
}
