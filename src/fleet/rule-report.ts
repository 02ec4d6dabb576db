import type { z } from "zod";
import { formatPath, type PathStep, show } from "./findings.js";
import { nearest } from "./nearest.js";
import type { DefaultsSchema } from "./schema.js";
import type { TreeFinding } from "./yaml-reader.js";
import type { YamlTree } from "./yaml-tree.js";

/** Gathers what rules find, each at its place of the text. */
export class RuleReport {
  readonly findings: TreeFinding[] = [];
  readonly #tree: YamlTree;

  constructor(tree: YamlTree) {
    this.#tree = tree;
  }

  /** Adds a finding at the value of `path`. */
  add(path: readonly PathStep[], message: string, fix: string): void {
    this.findings.push({ offset: this.#tree.offsetOf(path), path: formatPath(path), message, fix });
  }

  /** Adds a finding at the key of `path`. */
  addAtKey(path: readonly PathStep[], message: string, fix: string): void {
    this.findings.push({ offset: this.#tree.offsetOfKey(path), path: formatPath(path), message, fix });
  }
}

/** One contract as the rules see it: data that may be of any form, and where it stands. */
export interface ContractUnderRules {
  readonly contract: unknown;
  readonly path: readonly PathStep[];
  /** Names of its revisions, in the file's order. */
  readonly revisions: readonly string[];
  readonly defaults: z.output<typeof DefaultsSchema>;
  /** Absolute folder of the fleet file. */
  readonly root: string;
  readonly report: RuleReport;
}

/** What stands under a key; undefined where there is no mapping or no such key. */
export function part(data: unknown, key: PathStep): unknown {
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, key)) return undefined;
  return (data as Record<PathStep, unknown>)[key];
}

/** A part in its checked form; undefined where it is absent, or wrong in a way that the schema tells. */
export function parsed<Schema extends z.ZodType>(schema: Schema, data: unknown): z.output<Schema> | undefined {
  if (data === undefined) return undefined;
  const result = schema.safeParse(data);
  return result.success ? result.data : undefined;
}

/** Reports a name that is no revision of the contract. It is the value at `path`, or the key. */
export function checkRevisionName(name: string, path: readonly PathStep[], under: ContractUnderRules): void {
  const { revisions, report } = under;
  if (revisions.includes(name)) return;
  const meant = nearest(name, revisions);
  const known = revisions.length === 0 ? "the contract has none" : `the contract has ${revisions.join(", ")}`;
  const message = `no revision is called ${show(name)}`;
  const fix = meant === undefined ? known : `did you mean ${meant}?`;
  if (path.at(-1) === name) report.addAtKey(path, message, fix);
  else report.add(path, message, fix);
}
