import { Distribution } from "./distribution.js";
import { SECONDS_BUCKETS } from "./metric-names.js";

const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** Labels of what is counted by revision. */
export interface ModelLabels {
  readonly contract: string;
  /** Empty where a call found none. */
  readonly revision: string;
}

/**
 * What is counted of one revision's calls. Numbers alone: each call writes eight of them, and a metrics library that looks
 * its labels up for each takes as long as a small model. They are read at a scrape.
 */
export class ModelFigures {
  /** From a message's arrival to its answer, in seconds. */
  readonly duration = new Distribution(SECONDS_BUCKETS);
  /** Waiting for a worker, in seconds. */
  readonly queue = new Distribution(SECONDS_BUCKETS);
  /** Joining, splitting, and the way to the worker and back, in seconds. */
  readonly batch = new Distribution(SECONDS_BUCKETS);
  /** One run of the model, in seconds. */
  readonly inference = new Distribution(SECONDS_BUCKETS);
  readonly batchRows = new Distribution(ROWS);
  inFlight = 0;
  /** Calls answered since they were last taken out, by method and by the gRPC code's name. */
  readonly #answered = new Map<string, Map<string, number>>();

  constructor(readonly labels: ModelLabels) {}

  /** Counts a call that was answered. */
  answered(method: string, code: string): void {
    const codes = this.#answered.get(method) ?? new Map<string, number>();
    if (codes.size === 0) this.#answered.set(method, codes);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }

  /** Calls answered since this was last called. */
  *takeAnswered(): Iterable<{ readonly method: string; readonly code: string; readonly calls: number }> {
    for (const [method, codes] of this.#answered) for (const [code, calls] of codes) yield { method, code, calls };
    this.#answered.clear();
  }
}

/** The figures of every revision of a server. */
export class FiguresByModel {
  readonly #contracts = new Map<string, Map<string, ModelFigures>>();

  /** Those of a revision; new ones where there are none. */
  of({ contract, revision }: ModelLabels): ModelFigures {
    return this.#contracts.get(contract)?.get(revision) ?? this.#add({ contract, revision });
  }

  *[Symbol.iterator](): Iterator<ModelFigures> {
    for (const revisions of this.#contracts.values()) yield* revisions.values();
  }

  #add(labels: ModelLabels): ModelFigures {
    const figures = new ModelFigures(labels);
    const revisions = this.#contracts.get(labels.contract) ?? new Map<string, ModelFigures>();
    this.#contracts.set(labels.contract, revisions.set(labels.revision, figures));
    return figures;
  }
}
