import { dirname, resolve } from "node:path";
import { type Finding, FleetError, formatPath, type PathStep } from "./findings.js";
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

/** A fleet that has passed every check of its file, and the way back from it to the file. */
export interface LoadedFleet {
  readonly fleet: FleetSpec;
  /** A finding at a place of the file, for what only shows once models and contracts are looked at. */
  readonly findingAt: (path: readonly PathStep[], what: { message: string; fix: string }) => Finding;
}

/** Where a fleet file's text is from. */
export interface FleetSource {
  /** The file as findings name it. */
  readonly file: string;
  /** Absolute folder that the file's paths are relative to. */
  readonly root: string;
}

/**
 * Reads and checks a fleet file. The models that it names are not opened: a server serves those that it can.
 * @throws FleetError with every finding
 */
export function loadFleet(path: string): FleetSpec {
  return openFleet(path).fleet;
}

/**
 * As `loadFleet`, for callers that go on to make findings of their own.
 * @throws FleetError with every finding
 */
export function openFleet(path: string): LoadedFleet {
  return parseFleet(readFleetText(path), { file: path, root: dirname(resolve(path)) });
}

/**
 * Checks a fleet file's text.
 * @throws FleetError with every finding
 */
export function parseFleet(text: string, source: FleetSource): LoadedFleet {
  const tree = new YamlTree(text);
  if (tree.data === undefined) throw new FleetError(placed(tree.findings, tree, source.file));
  const checked = FleetSchema.safeParse(tree.data);
  const found = [...tree.findings, ...ruleFindings(tree, source.root)];
  if (!checked.success) found.push(...schemaFindings(checked.error.issues, tree));
  if (!checked.success || found.length > 0) throw new FleetError(placed(found, tree, source.file));
  return {
    fleet: resolveFleet(checked.data, { root: source.root, keysAt: (path) => tree.keysAt(path) }),
    findingAt: (path, what) => {
      return { file: source.file, ...tree.position(tree.offsetOf(path)), path: formatPath(path), ...what };
    },
  };
}

/** Findings in the order of the text, with line and column. */
function placed(found: readonly TreeFinding[], tree: YamlTree, file: string): Finding[] {
  const inOrder = found.toSorted((one, other) => one.offset - other.offset).slice(0, MAX_FINDINGS);
  return inOrder.map(({ offset, path, message, fix }) => ({ file, ...tree.position(offset), path, message, fix }));
}
