import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { shownFile } from "../fleet/findings.js";
import { goldenFolder } from "../fleet/golden-folder.js";
import { copiedFile, type ImageFile } from "./image-file.js";

/** A text in JSON that stands for a file's content: `"@../samples/0.png"`. */
const NAMED_FILE = /"@((?:[^"\\])+)"/g;

/**
 * A contract's golden cases, and the requests and pictures that they name, where the fleet has them.
 * @param root absolute folder of the fleet
 * @throws Error that names a file which a case asks for and which is not in the fleet's folder
 */
export async function goldenFiles(root: string, contract: string): Promise<ImageFile[]> {
  const folder = goldenFolder(root, contract);
  if (!existsSync(folder)) return [];
  const cases = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const files = new Set(cases.map((name) => join(folder, name)));
  // What is added on the way is gone through too: a request in a file of its own may name pictures. As in a case, they
  // are relative to the case's folder.
  for (const file of files) {
    if (!file.endsWith(".json")) continue;
    for (const [, name] of (await readFile(file, "utf8")).matchAll(NAMED_FILE)) files.add(named(root, folder, name!));
  }
  return [...files].sort().map((file) => copiedFile(pathIn(root, file), file));
}

function named(root: string, folder: string, name: string): string {
  const file = resolve(folder, name);
  if (pathIn(root, file).startsWith("../")) {
    throw new Error(
      `${shownFile(file)}: a golden case of ${shownFile(folder)} names it; put it into the fleet's folder`,
    );
  }
  if (existsSync(file)) return file;
  throw new Error(`${shownFile(file)}: no such file; a golden case of ${shownFile(folder)} names it`);
}

function pathIn(root: string, file: string): string {
  return relative(root, file).split(sep).join("/");
}
