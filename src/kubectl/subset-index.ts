import { LABEL } from "../fleet/names.js";
import type { KubeObject } from "./kube-object.js";

/** A DestinationRule, as far as it names groups of pods. */
export interface DestinationRule extends KubeObject {
  readonly spec?: {
    readonly subsets?: readonly { readonly name: string; readonly labels?: Readonly<Record<string, string>> }[];
  };
}

/** How the labels begin by which pods answer for a revision: its own, and the fallback's. */
const GUARD_LABEL = "guard.flotilla.dev/";

/** Which subset of a contract's pods serves which revision, as its DestinationRule says. */
export class SubsetIndex {
  /** In the fleet file's order. */
  readonly revisions: readonly string[];
  readonly #exact = new Map<string, string>();
  readonly #guarded = new Map<string, string>();
  readonly #revisions = new Map<string, string>();

  constructor(rule: DestinationRule) {
    for (const { name, labels = {} } of rule.spec?.subsets ?? []) {
      const own = labels[LABEL.revision];
      const guarded = guardedBy(labels);
      if (own !== undefined) this.#exact.set(own, name);
      else if (guarded !== undefined) this.#guarded.set(guarded, name);
      const revision = own ?? guarded;
      if (revision !== undefined) this.#revisions.set(name, revision);
    }
    this.revisions = [...this.#exact.keys()];
  }

  /** The revision that a route leads to; the subset's own name where it is none of the fleet's. */
  revisionOf(subset: string | undefined): string {
    return this.#revisions.get(subset ?? "") ?? subset ?? "all";
  }

  /** The subset that serves a revision's traffic: with the fallback behind it where there is one. */
  serving(revision: string): string {
    return this.#guarded.get(revision) ?? this.exact(revision);
  }

  /** The subset of a revision's pods and no others. */
  exact(revision: string): string {
    return this.#exact.get(revision)!;
  }
}

function guardedBy(labels: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(labels)
    .find((label) => label.startsWith(GUARD_LABEL))
    ?.slice(GUARD_LABEL.length);
}
