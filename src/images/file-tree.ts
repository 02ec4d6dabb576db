import { chmodSync, copyFileSync, lstatSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a file of an image is made of: another file, or bytes. */
export type FileContent = { readonly from: string } | { readonly content: string | Uint8Array };

/** Files of a build context by their path in it, with slashes. */
export type FileTree = ReadonlyMap<string, FileContent>;

/** Seconds since 1970 that every file of a context has: the same input gives the same layer. */
const FILE_TIME = 0;
/** Whoever the container runs as reads them, and nobody writes them. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/**
 * Writes a context into a folder, in place of what was there.
 * @returns bytes written
 */
export function writeTree(folder: string, tree: FileTree): number {
  rmSync(folder, { recursive: true, force: true });
  let bytes = 0;
  for (const [path, file] of tree) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    if ("from" in file) copyFileSync(file.from, target);
    else writeFileSync(target, file.content);
    bytes += lstatSync(target).size;
  }
  settle(folder);
  return bytes;
}

/** From the leaves up, as writing into a folder changes its time. */
function settle(path: string): void {
  const folder = lstatSync(path).isDirectory();
  if (folder) for (const name of readdirSync(path)) settle(join(path, name));
  chmodSync(path, folder ? FOLDER_MODE : FILE_MODE);
  utimesSync(path, FILE_TIME, FILE_TIME);
}

/** Files below a folder that are wanted, absolute, in an order that is always the same. */
export function filesBelow(folder: string, isWanted: (path: string) => boolean): string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!isWanted(path)) return [];
    return entry.isDirectory() ? filesBelow(path, isWanted) : entry.isFile() ? [path] : [];
  });
}
