import type { Member } from "../../src/fleet/members.js";
import { SERVER_FAULT_CODES } from "../../src/telemetry/fault-codes.js";
import { LONGEST_SECONDS, METRIC } from "../../src/telemetry/metric-names.js";
import { contractMatchers } from "../monitoring/alert-rule.js";
import { isOneOf, type Matcher, quantile, rate, series, share } from "../monitoring/promql.js";

/** What a new state is measured by before it gets more calls. */
export interface Criterion {
  /** Last part of names: `errors`. */
  readonly name: string;
  /** One number, or none where there were no calls: then nothing is known, and nothing may go on. */
  readonly query: string;
  /** The most that the number may be. */
  readonly limit: number;
}

/** Fewer scrapes than two give no rate, and many a Prometheus scrapes but twice a minute. */
const SHORTEST_WINDOW_SECONDS = 60;
const PERCENT = 100;
const MS = 1e3;

/**
 * What a contract promises, asked of some of its pods: the share of calls that failed, by gRPC code, as HTTP's says 200 of
 * every one; and, where the histogram tells, the time that 99 of 100 calls stay under.
 * @param pods regular expression for the pods' names, which Prometheus has in the label `pod`
 */
export function criteria(member: Member, pods: string): Criterion[] {
  const { objectives, delivery } = member.contract;
  const matchers = [...contractMatchers(member), `pod=~${JSON.stringify(pods)}`];
  const of = { window: windowOf(delivery!.intervalMs), by: [] };
  const errors = { name: "errors", query: errorPercent(matchers, of), limit: objectives.errorRatePercent };
  if (objectives.p99Ms / MS >= LONGEST_SECONDS) return [errors];
  const p99 = `${MS} * ${quantile(0.99, METRIC.duration, { matchers, ...of })}`;
  return [errors, { name: "p99", query: p99, limit: objectives.p99Ms }];
}

/** Pods that never failed have no series of failures: zero, as long as there were calls. */
function errorPercent(matchers: readonly Matcher[], of: { window: string; by: readonly string[] }): string {
  const failed = rate(series(METRIC.requests, [...matchers, isOneOf("code", SERVER_FAULT_CODES)]), of);
  return `${PERCENT} * ${share(`(${failed} or vector(0))`, rate(series(METRIC.requests, matchers), of))}`;
}

/** One step's calls. */
function windowOf(intervalMs: number): string {
  return `${Math.max(SHORTEST_WINDOW_SECONDS, Math.ceil(intervalMs / MS))}s`;
}
