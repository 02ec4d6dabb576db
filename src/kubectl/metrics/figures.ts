import { SERVER_FAULT_CODES } from "../../telemetry/fault-codes.js";
import { EMPTY_HISTOGRAM, type Histogram, joinHistograms, quantileMs } from "./histogram.js";

/** The calls that a revision answered in a window of time. */
export interface Figures {
  /** By gRPC code. */
  readonly codes: ReadonlyMap<string, number>;
  /** Times inside the server. */
  readonly times: Histogram;
}

/** What a contract's revisions did in a window of time. */
export interface ContractFigures {
  /** How long the window is. */
  readonly seconds: number;
  readonly revisions: ReadonlyMap<string, Figures>;
}

/** Of a revision that answered no calls. */
export const NO_CALLS: Figures = { codes: new Map(), times: EMPTY_HISTOGRAM };

/** A revision's figures; none where it answered nothing. */
export function figuresOf({ revisions }: ContractFigures, revision: string): Figures {
  return revisions.get(revision) ?? NO_CALLS;
}

/** How many calls there were. */
export function callsOf({ codes }: Figures): number {
  return [...codes.values()].reduce((sum, count) => sum + count, 0);
}

/** How many calls failed by the server's fault. By the gRPC code: HTTP's status is 200 of every one. */
export function faultsOf({ codes }: Figures): number {
  return SERVER_FAULT_CODES.reduce((sum, code) => sum + (codes.get(code) ?? 0), 0);
}

/** Per cent of the calls that failed by the server's fault; undefined where there were none. */
export function faultPercent(figures: Figures): number | undefined {
  const calls = callsOf(figures);
  return calls === 0 ? undefined : (100 * faultsOf(figures)) / calls;
}

/** A quantile of the times inside the server, in milliseconds; undefined where there were no calls. */
export function latencyMs(q: number, { times }: Figures): number | undefined {
  return quantileMs(q, times);
}

/** The calls of both. */
export function joinFigures(one: Figures, other: Figures): Figures {
  const codes = new Map(one.codes);
  for (const [code, count] of other.codes) codes.set(code, (codes.get(code) ?? 0) + count);
  return { codes, times: joinHistograms(one.times, other.times) };
}
