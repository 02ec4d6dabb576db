import { lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fleetOfManifest, type ManifestFile } from "./manifest-file.js";

/** What has to change in a folder for it to hold a fleet's manifests. Paths are relative to it, in order. */
export interface FolderPlan {
  readonly folder: string;
  /** Files that are not there. */
  readonly missing: readonly ManifestFile[];
  /** Files that say something else. */
  readonly stale: readonly ManifestFile[];
  /** How many files are as they have to be. */
  readonly unchanged: number;
  /** Files that were made for this fleet before and are made no longer. */
  readonly extra: readonly string[];
}

/** Folders of manifests are two deep: the fleet's own files, and those of its contracts. */
const DEPTH = 2;

/**
 * Compares a folder with a fleet's manifests. Writes nothing.
 * @throws Error where the folder holds another fleet's manifests, or somebody else's file in the place of one
 */
export function planFolder(folder: string, fleet: string, files: readonly ManifestFile[]): FolderPlan {
  const owned = manifestsIn(folder, DEPTH);
  for (const [name, owner] of owned) refuseOther(path.join(folder, name), owner, fleet);
  const missing: ManifestFile[] = [];
  const stale: ManifestFile[] = [];
  for (const file of files) {
    const text = readText(path.join(folder, file.path));
    if (text === undefined) missing.push(file);
    else if (!owned.has(file.path)) throw new Error(foreign(path.join(folder, file.path)));
    else if (text !== file.text) stale.push(file);
  }
  const wanted = new Set(files.map((file) => file.path));
  const extra = [...owned.keys()].filter((name) => !wanted.has(name)).sort();
  return { folder, missing, stale, unchanged: files.length - missing.length - stale.length, extra };
}

/** Carries a plan out. What was not made by Flotilla stays. */
export function applyPlan({ folder, missing, stale, extra }: FolderPlan): void {
  const folders = new Set(missing.map(({ path: name }) => path.dirname(path.join(folder, name))));
  for (const one of folders) mkdirSync(one, { recursive: true });
  for (const { path: name, text } of [...missing, ...stale]) writeFileSync(path.join(folder, name), text);
  for (const name of extra) {
    const file = path.join(folder, name);
    rmSync(file);
    if (readdirSync(path.dirname(file)).length === 0) rmdirSync(path.dirname(file));
  }
}

/** The manifests below a folder that Flotilla made, with the fleet that each was made of. Links are not followed. */
function manifestsIn(folder: string, depth: number): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readFolder(folder)) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory() && depth > 1) {
      for (const [name, fleet] of manifestsIn(file, depth - 1)) found.set(`${entry.name}/${name}`, fleet);
    } else if (entry.isFile() && entry.name.endsWith(".yaml")) {
      const fleet = fleetOfManifest(readText(file) ?? "");
      if (fleet !== undefined) found.set(entry.name, fleet);
    }
  }
  return found;
}

function readFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function readText(file: string): string | undefined {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw new Error(foreign(file));
  return readFileSync(file, "utf8");
}

function foreign(file: string): string {
  return `${file}: was not made by \`flotilla manifests\`; move it away, or write to another folder with -o`;
}

function refuseOther(file: string, owner: string, fleet: string): void {
  if (owner === fleet) return;
  throw new Error(
    `${file}: is of the fleet ${owner}, and the fleet file is ${fleet}'s; remove the folder, or write to another with -o`,
  );
}
