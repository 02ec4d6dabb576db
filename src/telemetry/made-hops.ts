import type { MeasuredHop } from "./hop-metrics.js";

/** Hops of one kind that one call set off. */
export interface HopSummary {
  /** The contract that was called. */
  readonly to: string;
  /** Empty where no Flotilla server answered. */
  readonly revision: string;
  readonly calls: number;
  /** What network and proxies added to all of them. */
  readonly overheadMs: number;
}

/** Trailer that says whom a composition called for its answer. */
export const HOPS_TRAILER = "flotilla-hops";

/** The calls that are made to answer one call, or the messages of one stream. */
export class MadeHops {
  readonly #hops = new Map<string, { to: string; revision: string; calls: number; overheadMs: number }>();

  readonly add = ({ to, revision = "", overheadMs = 0 }: Pick<MeasuredHop, "to" | "revision" | "overheadMs">): void =>
    this.join({ to, revision, calls: 1, overheadMs });

  /** Adds what was counted elsewhere. */
  join({ to, revision, calls, overheadMs }: HopSummary): void {
    const key = `${to}/${revision}`;
    const known = this.#hops.get(key) ?? { to, revision, calls: 0, overheadMs: 0 };
    this.#hops.set(key, { ...known, calls: known.calls + calls, overheadMs: known.overheadMs + overheadMs });
  }

  get summaries(): HopSummary[] {
    return [...this.#hops.values()];
  }

  get overheadMs(): number {
    return this.summaries.reduce((sum, hop) => sum + hop.overheadMs, 0);
  }
}

/** `acme.ocr_detector.v1=r1;calls=1;overhead=1.204, acme.ocr_recognizer.v1=r1;calls=8;overhead=9.120` */
export function formatHops(hops: readonly HopSummary[]): string {
  return hops
    .map(({ to, revision, calls, overheadMs }) => `${to}=${revision};calls=${calls};overhead=${overheadMs.toFixed(3)}`)
    .join(", ");
}

/** Reads what `formatHops` wrote. What it can't read, it leaves out. */
export function parseHops(header: string): HopSummary[] {
  const entries = header.matchAll(/([\w.]+)=([\w.-]*);calls=(\d+);overhead=(\d+(?:\.\d+)?)/g);
  return [...entries].map(([, to, revision, calls, overhead]) => {
    return { to: to!, revision: revision!, calls: Number(calls), overheadMs: Number(overhead) };
  });
}
