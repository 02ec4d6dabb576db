import type { ContractSpec, FleetSpec } from "./spec.js";

/** What a composition may take, and those whom it calls. */
export interface CompositionBudget {
  /** Of a call whose caller sets no deadline. */
  readonly deadlineMs: number;
  /** What it keeps of each call's deadline for itself. */
  readonly reserveMs: number;
  readonly callees: readonly CalleeSpec[];
}

/** A contract that a composition calls. */
export interface CalleeSpec {
  readonly contract: string;
  /** `host:port`; undefined: not said. */
  readonly address: string | undefined;
  /** Longest that one of its methods may take. */
  readonly deadlineMs: number;
  /** What network and proxies may add to a call. */
  readonly overheadMs: number;
}

/** What the fleet file gives a contract's compositions. Where those are whom they call, it does not say. */
export function compositionBudget(fleet: FleetSpec, contract: ContractSpec): CompositionBudget {
  const { deadlineMs, reserveMs, calls } = contract;
  const callees = fleet.contracts.filter(({ name }) => calls.includes(name));
  return {
    deadlineMs,
    reserveMs,
    callees: callees.map((callee) => ({
      contract: callee.name,
      address: undefined,
      deadlineMs: Math.max(callee.deadlineMs, ...[...callee.methods.values()].map((method) => method.deadlineMs ?? 0)),
      overheadMs: callee.objectives.hopOverheadMs,
    })),
  };
}
