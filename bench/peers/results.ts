import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Round } from "../round.js";

/** What was measured of one server on one kind of model. */
export interface Result {
  readonly kind: string;
  readonly batching: boolean;
  /** `mlserver`. */
  readonly peer: string;
  readonly title: string;
  readonly version: string;
  readonly wire: string;
  /** Of the settings that were tried, the fastest. */
  readonly workers?: number;
  readonly figures?: Round;
  /** Flotilla's, by Open Inference, with or without batching like the peer, measured in turn with it. */
  readonly reference?: Round;
  /** Why there are no figures. */
  readonly failure?: string;
  /** When, in ISO 8601. */
  readonly measured: string;
  /** Of all that the figures hang on: another one is measured anew. */
  readonly digest: string;
}

type Key = Pick<Result, "kind" | "batching" | "peer">;

/** Results on disk, written after each so that a run that was stopped goes on where it was. */
export class Results {
  readonly #file: string;
  readonly #about: unknown;
  #results: Result[];

  /** @param about what holds for all of them, written beside them */
  constructor(file: string, about: unknown) {
    this.#file = file;
    this.#about = about;
    this.#results = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).results : [];
  }

  get all(): readonly Result[] {
    return this.#results;
  }

  /** The figures of an earlier run, where they are of the same things. */
  kept(key: Key, digest: string): Result | undefined {
    return this.#results.find((result) => same(result, key) && result.digest === digest && result.figures);
  }

  add(result: Result): void {
    this.#results = [...this.#results.filter((other) => !same(other, result)), result];
    mkdirSync(path.dirname(this.#file), { recursive: true });
    writeFileSync(
      `${this.#file}.new`,
      `${JSON.stringify({ about: this.#about, results: this.#results }, undefined, 2)}\n`,
    );
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** SHA-256 over files and values. */
export function digestOf(files: readonly string[], values: unknown): string {
  const hash = createHash("sha256").update(JSON.stringify(values));
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

function same(a: Key, b: Key): boolean {
  return a.kind === b.kind && a.batching === b.batching && a.peer === b.peer;
}
