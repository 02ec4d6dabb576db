import type { BridgeSpec, ContractSpec, FleetSpec } from "./spec.js";

/** Who calls whom in a fleet. */
export interface FleetGraph {
  readonly fleet: string;
  /** In the fleet file's order. */
  readonly contracts: readonly ContractNode[];
  /** `namespace/serviceaccount` of those outside the fleet. */
  readonly callers: readonly string[];
  /** What calls for events, in the fleet file's order. */
  readonly bridges: readonly BridgeNode[];
  readonly edges: readonly GraphEdge[];
}

export interface BridgeNode {
  /** As edges name it: `bridge fraud-scores`. No account and no contract is called so. */
  readonly name: string;
  /** Subject of the events. */
  readonly from: string;
  /** Subject of the predictions. */
  readonly to: string;
}

export interface ContractNode {
  readonly contract: string;
  readonly kind: "model" | "composition";
  readonly deadlineMs: number;
  /** Share of the calls by revision. */
  readonly traffic: Readonly<Record<string, number>>;
}

export interface GraphEdge {
  /** A contract, a bridge, or a caller from outside. */
  readonly from: string;
  readonly to: string;
  /** What a call may take at most; undefined: its caller decides. */
  readonly budgetMs: number | undefined;
}

/** The graph of a fleet file: `callers` and bridges call contracts, and those call others by `calls`. */
export function fleetGraph({ name, contracts, bridges }: FleetSpec): FleetGraph {
  const callers = [...new Set(contracts.flatMap(callersOf))].sort();
  const byName = new Map(contracts.map((contract) => [contract.name, contract]));
  return {
    fleet: name,
    callers,
    contracts: contracts.map(toNode),
    bridges: bridges.map((bridge) => ({ name: nodeName(bridge), from: bridge.from.subject, to: bridge.to })),
    edges: [
      ...bridges.map((bridge) => ({ from: nodeName(bridge), to: bridge.contract, budgetMs: undefined })),
      ...contracts.flatMap((contract) => {
        return callersOf(contract).map((from) => ({ from, to: contract.name, budgetMs: undefined }));
      }),
      ...contracts.flatMap(({ name: from, calls, deadlineMs, reserveMs }) => {
        return calls.map((to) => ({
          from,
          to,
          budgetMs: Math.min(deadlineMs - reserveMs, byName.get(to)!.deadlineMs),
        }));
      }),
    ],
  };
}

function nodeName({ name }: BridgeSpec): string {
  return `bridge ${name}`;
}

function callersOf({ callers = [], methods }: ContractSpec): string[] {
  return [...new Set([...callers, ...[...methods.values()].flatMap((method) => method.callers ?? [])])].sort();
}

function toNode({ name, deadlineMs, revisions, traffic }: ContractSpec): ContractNode {
  const composed = revisions.some(({ module }) => module !== undefined);
  return {
    contract: name,
    kind: composed ? "composition" : "model",
    deadlineMs,
    traffic: Object.fromEntries(traffic.map(({ revision, weightPercent }) => [revision, weightPercent])),
  };
}

/** What a node says below its name: `10s, r1 90 %, r2 10 %`. */
export function trafficText(traffic: ContractNode["traffic"]): string {
  return Object.entries(traffic)
    .map(([revision, percent]) => `${revision} ${percent} %`)
    .join(", ");
}
