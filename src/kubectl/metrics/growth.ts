import type { Sample } from "./exposition.js";

/** What the counters of one pod say. */
export interface PodSamples {
  /** Unlike that of any other pod, and of the same pod's server once it was started again. */
  readonly process: string;
  readonly samples: readonly Sample[];
}

/**
 * What pods' counters grew by from one look to the next. A pod that is seen at the first look gives where it starts from; of
 * one that comes later all counts, as it is new.
 */
export class Growth {
  readonly #last = new Map<string, ReadonlyMap<string, number>>();
  #begun = false;

  /**
   * Takes the pods' counters, all of them at about the same time.
   * @returns samples whose values are what they grew by; those that did not grow are among them
   */
  add(pods: readonly PodSamples[]): Sample[] {
    const grown: Sample[] = [];
    for (const { process, samples } of pods) {
      const last = this.#last.get(process);
      this.#last.set(process, new Map(samples.map((sample) => [keyOf(sample), sample.value])));
      if (last === undefined && !this.#begun) continue;
      for (const sample of samples) {
        grown.push({ ...sample, value: Math.max(0, sample.value - (last?.get(keyOf(sample)) ?? 0)) });
      }
    }
    this.#begun = true;
    return grown;
  }
}

function keyOf({ name, labels }: Sample): string {
  return `${name} ${JSON.stringify(labels)}`;
}
