import { METRIC } from "../../telemetry/metric-names.js";
import type { Sample } from "./exposition.js";
import { type Figures, joinFigures, NO_CALLS } from "./figures.js";
import { Growth, type PodSamples } from "./growth.js";

/** Names of the series that a tally counts. */
export const TALLIED: ReadonlySet<string> = new Set([METRIC.requests, `${METRIC.duration}_bucket`]);

/** Adds up the calls that pods answered. */
export class Tally {
  readonly #growth = new Growth();
  readonly #figures = new Map<string, Map<string, Figures>>();

  /** Takes the pods' counters, all of them at about the same time. */
  add(pods: readonly PodSamples[]): void {
    for (const sample of this.#growth.add(pods)) this.#count(sample);
  }

  /** What a contract's revisions did since the first add(). */
  of(contract: string): ReadonlyMap<string, Figures> {
    return this.#figures.get(contract) ?? new Map();
  }

  #count(sample: Sample): void {
    const { contract = "", revision = "" } = sample.labels;
    const revisions = this.#figures.get(contract) ?? new Map<string, Figures>();
    this.#figures.set(contract, revisions);
    revisions.set(revision, joinFigures(revisions.get(revision) ?? NO_CALLS, toFigures(sample)));
  }
}

/** A bucket that did not grow still says where the times around it lie. */
function toFigures({ name, labels, value }: Sample): Figures {
  if (name === METRIC.requests) return { ...NO_CALLS, codes: new Map([[labels.code ?? "UNKNOWN", value]]) };
  return { ...NO_CALLS, times: new Map([[boundOf(labels), value]]) };
}

/** The upper bound of a histogram's bucket. */
export function boundOf({ le }: Sample["labels"]): number {
  return le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
}
