import { dirname, resolve } from "node:path";
import { type Finding, FleetError } from "./findings.js";
import { readFleetText } from "./read.js";
import { resolveFleet } from "./resolve.js";
import { ruleFindings } from "./rules.js";
import { FleetSchema } from "./schema.js";
import { schemaFindings } from "./schema-findings.js";
import type { FleetSpec } from "./spec.js";
import type { TreeFinding } from "./yaml-reader.js";
import { YamlTree } from "./yaml-tree.js";

/** Findings beyond this many are dropped: the file is something else than a fleet. */
const MAX_FINDINGS = 1000;

/** A fleet, or everything that is wrong with it. */
export type Parsed =
  | { readonly ok: true; readonly fleet: FleetSpec }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Reads and checks a fleet file. The models that it names are not opened: a server serves those that it can.
 * @throws FleetError with every finding
 */
export function loadFleet(path: string): FleetSpec {
  const parsed = parseFleet(readFleetText(path), { file: path, root: dirname(resolve(path)) });
  if (!parsed.ok) throw new FleetError(parsed.findings);
  return parsed.fleet;
}

/** Checks a fleet file's text. `root` is the absolute folder that its paths are relative to. */
export function parseFleet(text: string, source: { readonly file: string; readonly root: string }): Parsed {
  const tree = new YamlTree(text);
  if (tree.data === undefined) return { ok: false, findings: placed(tree.findings, tree, source.file) };
  const checked = FleetSchema.safeParse(tree.data);
  const found = [...tree.findings, ...ruleFindings(tree, source.root)];
  if (!checked.success) found.push(...schemaFindings(checked.error.issues, tree));
  if (!checked.success || found.length > 0) return { ok: false, findings: placed(found, tree, source.file) };
  return { ok: true, fleet: resolveFleet(checked.data, { root: source.root, keysAt: (path) => tree.keysAt(path) }) };
}

/** Findings in the order of the text, with line and column. */
function placed(found: readonly TreeFinding[], tree: YamlTree, file: string): Finding[] {
  const inOrder = found.toSorted((one, other) => one.offset - other.offset).slice(0, MAX_FINDINGS);
  return inOrder.map(({ offset, path, message, fix }) => ({ file, ...tree.position(offset), path, message, fix }));
}
