import type { RevisionComparison } from "./revision-comparison.js";

/** What a candidate may be at most. Undefined: anything. */
export interface ComparisonLimits {
  /** Per cent of the requests whose answers disagree. */
  readonly disagreementPercent?: number | undefined;
  /** Of any field. */
  readonly psi?: number | undefined;
  /** Of any field. */
  readonly ks?: number | undefined;
  /** Per cent by which the candidate's 99th percentile may be above the baseline's. */
  readonly slowerPercent?: number | undefined;
}

/** What a comparison exceeds, a sentence for each. Requests that only the candidate fails are always too many. */
export function exceededLimits(comparison: RevisionComparison, limits: ComparisonLimits): string[] {
  const { requests, disagreeing, newFailures, fields, figures } = comparison;
  const exceeded: string[] = [];
  if (newFailures > 0)
    exceeded.push(
      `${figures[1].revision} fails ${newFailures} of ${requests} requests that ${figures[0].revision} answers`,
    );
  const check = (what: string, value: number, limit: number | undefined, unit = "") => {
    // Also where the value is no number: nothing was measured.
    if (limit !== undefined && !(value <= limit))
      exceeded.push(`${what}: ${brief(value)}${unit}, at most ${limit}${unit} allowed`);
  };
  check("requests that disagree", percent(disagreeing, requests), limits.disagreementPercent, " %");
  for (const { field, drift } of fields) {
    if (drift) check(`PSI of ${field}`, drift.psi, limits.psi);
    if (drift?.ks !== undefined) check(`KS of ${field}`, drift.ks, limits.ks);
  }
  const slower = (figures[1].p99Ms / figures[0].p99Ms - 1) * 100;
  check("99th percentile above the baseline's", slower, limits.slowerPercent, " %");
  return exceeded;
}

function percent(part: number, whole: number): number {
  return whole === 0 ? Number.NaN : (part / whole) * 100;
}

function brief(value: number): string {
  return String(Number(value.toPrecision(3)));
}
