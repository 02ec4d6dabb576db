import { status } from "@grpc/grpc-js";
import type { LatencyProfile } from "../fleet/latency-profile.js";
import type { Random } from "./seeded-random.js";

/** Of the calls, in per cent, by the code that they fail with. */
export type ErrorProfile = ReadonlyMap<status, number>;

/** The value below which 99 of 100 of a standard normal distribution lie. */
const NORMAL_P99 = 2.3263;

/** A time out of a profile. */
export function drawLatencyMs(profile: LatencyProfile, random: Random): number {
  if (profile.kind === "uniform") return profile.leastMs + (profile.mostMs - profile.leastMs) * random();
  const sigma = (Math.log(profile.p99Ms) - Math.log(profile.p50Ms)) / NORMAL_P99;
  // Box and Muller's; the logarithm of nothing is no number.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.exp(Math.log(profile.p50Ms) + sigma * normal);
}

/**
 * Reads `UNAVAILABLE=2%,RESOURCE_EXHAUSTED=0.5%`.
 * @throws Error that says what is expected
 */
export function parseErrors(text: string): ErrorProfile {
  const profile = new Map<status, number>();
  for (const part of text.split(",")) {
    const [, name = "", percent] = /^([A-Z_]+)=(\d+(?:\.\d+)?)%?$/.exec(part.trim()) ?? [];
    const code = status[name as keyof typeof status];
    if (code === undefined || code === status.OK) {
      throw new Error(`expected codes and per cent, such as UNAVAILABLE=2%,RESOURCE_EXHAUSTED=1%, got "${part}"`);
    }
    profile.set(code, Number(percent));
  }
  const sum = [...profile.values()].reduce((total, percent) => total + percent, 0);
  if (sum > 100) throw new Error(`errors of ${sum} % of the calls: expected at most 100`);
  return profile;
}

/** The code that a call fails with; undefined where it goes well. */
export function drawError(profile: ErrorProfile, random: Random): status | undefined {
  let rest = random() * 100;
  for (const [code, percent] of profile) {
    if (rest < percent) return code;
    rest -= percent;
  }
  return undefined;
}
