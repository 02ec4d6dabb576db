import { METRIC } from "../../telemetry/metric-names.js";
import { Growth, type PodSamples } from "../metrics/growth.js";
import { EMPTY_HISTOGRAM, type Histogram, joinHistograms } from "../metrics/histogram.js";
import { boundOf } from "../metrics/tally.js";

/** Name of the series that it counts. */
export const HOP_SERIES: ReadonlySet<string> = new Set([`${METRIC.hopOverhead}_bucket`]);

/** What network and proxies added to the calls of one caller to one revision. */
export interface HopTimes {
  readonly from: string;
  readonly to: string;
  readonly revision: string;
  readonly overhead: Histogram;
}

/** Adds up the overheads that callers counted. */
export class HopTally {
  readonly #growth = new Growth();
  readonly #hops = new Map<string, HopTimes>();

  /** Takes the pods' counters, all of them at about the same time. */
  add(pods: readonly PodSamples[]): void {
    for (const { labels, value } of this.#growth.add(pods)) {
      const { from = "", to = "", revision = "" } = labels;
      const key = JSON.stringify([from, to, revision]);
      const known = this.#hops.get(key)?.overhead ?? EMPTY_HISTOGRAM;
      const overhead = joinHistograms(known, new Map([[boundOf(labels), value]]));
      this.#hops.set(key, { from, to, revision, overhead });
    }
  }

  /** Hops since the first add(). */
  get hops(): HopTimes[] {
    return [...this.#hops.values()].filter(({ overhead }) => (overhead.get(Number.POSITIVE_INFINITY) ?? 0) > 0);
  }
}
