/** How far two samples of one quantity are apart. */
export interface Drift {
  /**
   * Population stability index: the sum of (q - p) ln(q / p) over bins that hold equal shares of the first sample, or
   * over categories. By custom below 0.1 is none to speak of, above 0.25 a lot.
   */
  readonly psi: number;
  /** Kolmogorov and Smirnov's: the largest distance between the two distributions, 0 to 1; undefined of categories. */
  readonly ks: number | undefined;
}

/** Bins of the index where there are values enough; fewer values have fewer bins, or chance alone would be drift. */
const MAX_BINS = 10;
const VALUES_PER_BIN = 10;
/** A share for bins that are empty: the logarithm of nothing is no number. */
const LEAST_SHARE = 1e-4;

/** The drift between two samples of numbers, neither of them empty. NaN counts as a category of its own. */
export function numericDrift(first: readonly number[], second: readonly number[]): Drift {
  const edges = quantileEdges(first.filter((value) => !Number.isNaN(value)));
  const bin = (value: number) => (Number.isNaN(value) ? "NaN" : String(binOf(value, edges)));
  return { psi: categoricalDrift(first.map(bin), second.map(bin)).psi, ks: kolmogorovSmirnov(first, second) };
}

/** The drift between two samples of categories, neither of them empty. */
export function categoricalDrift(first: readonly string[], second: readonly string[]): Drift {
  const [before, after] = [countEach(first), countEach(second)];
  let psi = 0;
  for (const category of new Set([...before.keys(), ...after.keys()])) {
    const p = Math.max((before.get(category) ?? 0) / first.length, LEAST_SHARE);
    const q = Math.max((after.get(category) ?? 0) / second.length, LEAST_SHARE);
    psi += (q - p) * Math.log(q / p);
  }
  return { psi, ks: undefined };
}

/** The largest distance between the distributions of two samples, neither of them empty; NaN is left out. */
export function kolmogorovSmirnov(first: readonly number[], second: readonly number[]): number {
  const [one, other] = [sorted(first), sorted(second)];
  if (one.length === 0 || other.length === 0) return one.length === other.length ? 0 : 1;
  let largest = 0;
  for (let i = 0, j = 0; i < one.length && j < other.length; ) {
    const value = Math.min(one[i]!, other[j]!);
    while (i < one.length && one[i]! <= value) i++;
    while (j < other.length && other[j]! <= value) j++;
    largest = Math.max(largest, Math.abs(i / one.length - j / other.length));
  }
  return largest;
}

/** The value below which a share of a sorted sample lies: `quantile(values, 0.99)`. NaN where the sample is empty. */
export function quantile(ascending: readonly number[], share: number): number {
  if (ascending.length === 0) return Number.NaN;
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))]!;
}

/** Numbers in ascending order, NaN left out. */
export function sorted(values: readonly number[]): number[] {
  return values.filter((value) => !Number.isNaN(value)).sort((one, other) => one - other);
}

/** Edges between bins of equal shares; where many values are the same there are fewer. */
function quantileEdges(values: readonly number[]): number[] {
  const ascending = sorted(values);
  const bins = Math.min(MAX_BINS, Math.max(2, Math.floor(ascending.length / VALUES_PER_BIN)));
  const edges = Array.from({ length: bins - 1 }, (_, index) => quantile(ascending, (index + 1) / bins));
  return [...new Set(edges)];
}

function binOf(value: number, edges: readonly number[]): number {
  const bin = edges.findIndex((edge) => value < edge);
  return bin < 0 ? edges.length : bin;
}

function countEach(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
