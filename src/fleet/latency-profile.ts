import { DURATION_PATTERN, toMs } from "./units.js";

/** How long a stub takes for an answer, in milliseconds. */
export type LatencyProfile =
  | { readonly kind: "uniform"; readonly leastMs: number; readonly mostMs: number }
  /** Log-normal, as the latency of most services is: half of the answers within `p50Ms`, 99 of 100 within `p99Ms`. */
  | { readonly kind: "lognormal"; readonly p50Ms: number; readonly p99Ms: number };

/**
 * Reads `20ms`, `20ms..80ms` and `p50=20ms,p99=200ms`.
 * @throws Error that says what is expected
 */
export function parseLatency(text: string): LatencyProfile {
  const [, p50, p99] = /^p50=([\w.]+),p99=([\w.]+)$/.exec(text) ?? [];
  if (p50 !== undefined) return checked({ kind: "lognormal", p50Ms: duration(p50), p99Ms: duration(p99!) }, text);
  const [least = "", most = least] = text.split("..", 2);
  return checked({ kind: "uniform", leastMs: duration(least), mostMs: duration(most) }, text);
}

function duration(text: string): number {
  if (DURATION_PATTERN.test(text)) return toMs(text);
  throw new Error(`expected a time such as 20ms, 20ms..80ms or p50=20ms,p99=200ms, got "${text}"`);
}

function checked(profile: LatencyProfile, text: string): LatencyProfile {
  const [less, more] = profile.kind === "uniform" ? [profile.leastMs, profile.mostMs] : [profile.p50Ms, profile.p99Ms];
  if (less > more) throw new Error(`expected the shorter time first, got "${text}"`);
  if (profile.kind === "lognormal" && less === 0) throw new Error(`expected a p50 above 0, got "${text}"`);
  return profile;
}
