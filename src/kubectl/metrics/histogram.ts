/** How many of some times were at most so long, by upper bound in seconds; the last bound is infinite and has all. */
export type Histogram = ReadonlyMap<number, number>;

/** Times of no calls. */
export const EMPTY_HISTOGRAM: Histogram = new Map();

/** The times of both. */
export function joinHistograms(one: Histogram, other: Histogram): Histogram {
  const bounds = [...new Set([...one.keys(), ...other.keys()])].sort((a, b) => a - b);
  return new Map(bounds.map((bound) => [bound, (one.get(bound) ?? 0) + (other.get(bound) ?? 0)]));
}

/**
 * A quantile in milliseconds, as Prometheus' histogram_quantile() has it: within a bucket times are taken to lie evenly.
 * @returns undefined where there were no calls
 */
export function quantileMs(q: number, histogram: Histogram): number | undefined {
  const buckets = [...histogram].sort(([one], [other]) => one - other);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const rank = q * total;
  const index = buckets.findIndex(([, count]) => count >= rank);
  const [bound, count] = buckets[index]!;
  const [below, countBelow] = buckets[index - 1] ?? [0, 0];
  // Beyond the last bound nothing is known but that it was longer.
  if (bound === Number.POSITIVE_INFINITY) return below * 1e3;
  return (below + ((bound - below) * (rank - countBelow)) / (count - countBelow)) * 1e3;
}

/** How many times were longer than so many milliseconds, by the same rule; a fraction where it lies within a bucket. */
export function countAbove(limitMs: number, histogram: Histogram): number {
  const buckets = [...histogram].sort(([one], [other]) => one - other);
  const total = buckets.at(-1)?.[1] ?? 0;
  const limit = limitMs / 1e3;
  const index = buckets.findIndex(([bound]) => bound >= limit);
  if (index < 0) return 0;
  const [bound, count] = buckets[index]!;
  const [below, countBelow] = buckets[index - 1] ?? [0, 0];
  if (bound === Number.POSITIVE_INFINITY) return total - countBelow;
  return total - (countBelow + ((count - countBelow) * (limit - below)) / (bound - below));
}
