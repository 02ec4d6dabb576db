import { existsSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { addRevision, type RevisionToAdd } from "../fleet/edit.js";
import { parseFleet } from "../fleet/load.js";
import { packageRoot } from "../fleet/package-root.js";
import { readFleetText } from "../fleet/read.js";
import type { ContractSpec, FleetSpec } from "../fleet/spec.js";
import { YamlTree } from "../fleet/yaml-tree.js";

/** A fleet file as it stands before a model is added. */
export interface FleetState {
  /** The file as the user named it. */
  readonly file: string;
  /** Its folder, absolute, links followed. */
  readonly root: string;
  /** Undefined where there is no file yet. */
  readonly text: string | undefined;
  /** Undefined where it has no contract yet. */
  readonly fleet: FleetSpec | undefined;
}

/**
 * Reads a fleet file, or finds that there is none yet.
 * @throws FleetError where it is one that would not load
 */
export function openFleetFile(where: string): FleetState {
  const isFolder = existsSync(where) && statSync(where).isDirectory();
  const file = isFolder ? path.join(where, "fleet.yaml") : where;
  const folder = path.dirname(path.resolve(file));
  if (!existsSync(folder)) throw new Error(`${file}: there is no folder ${path.dirname(file)}; make it first`);
  const root = realpathSync(folder);
  if (!existsSync(file)) return { file, root, text: undefined, fleet: undefined };
  const text = readFleetText(file);
  if (isBegun(text)) return { file, root, text, fleet: undefined };
  return { file, root, text, fleet: parseFleet(text, { file, root }).fleet };
}

/** Whether a file has yet to get its first contract: it can't load, and can be added to. */
function isBegun(text: string): boolean {
  const { data, findings } = new YamlTree(text);
  if (data === undefined || findings.length > 0) return false;
  const { spec } = (data ?? {}) as { spec?: { contracts?: unknown } | null };
  const contracts = spec?.contracts ?? [];
  return Array.isArray(contracts) && contracts.length === 0;
}

/** A contract of the fleet. */
export function findContract(state: FleetState, name: string): ContractSpec | undefined {
  return state.fleet?.contracts.find((contract) => contract.name === name);
}

/**
 * The file's text with the revision added; it has been checked that it loads.
 * @throws FleetError where it can't be added
 */
export function withRevision(state: FleetState, added: RevisionToAdd): string {
  const { file, root, text } = state;
  const schema = path.join(packageRoot(), "docs", "fleet.schema.json");
  const edited = addRevision(text, added, {
    file,
    fleetName: toLabel(path.basename(root)),
    schema: path.relative(root, schema).split(path.sep).join("/"),
  });
  parseFleet(edited, { file, root });
  return edited;
}

/** A folder's name as a fleet's: small letters, digits and hyphens. */
function toLabel(name: string): string {
  const label = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
  return label || "fleet";
}
