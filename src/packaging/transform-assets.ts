import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, relative, resolve, sep } from "node:path";
import { type Loader, transform } from "esbuild";
import { copiedFile, type ImageFile } from "./image-file.js";

/** Quoted texts that could name a file: no line feed, and none of what paths don't have. */
const QUOTED = /(["'`])((?:(?!\1)[^\\\n*?<>|${}])+)\1/g;

/**
 * Files that a transform reads: each file of the fleet's folder whose path stands as a text in one of its sources, be it
 * relative to the fleet's folder or to the source's.
 * @param root absolute folder of the fleet
 * @param sources absolute paths of the transform's modules
 */
export async function transformAssets(root: string, sources: readonly string[]): Promise<ImageFile[]> {
  const bundled = new Set(sources);
  const files = new Set<string>();
  for (const source of sources) {
    const text = await withoutComments(source);
    for (const [, , path] of text.matchAll(QUOTED)) {
      for (const folder of [root, dirname(source)]) {
        const file = resolve(folder, path!);
        if (isInside(root, file) && !bundled.has(file) && isFile(file)) files.add(file);
      }
    }
  }
  return [...files].sort().map((file) => copiedFile(relative(root, file).split(sep).join("/"), file));
}

async function withoutComments(source: string): Promise<string> {
  const loader: Loader = /\.[cm]?ts$/.test(source) ? "ts" : /\.json$/.test(source) ? "json" : "js";
  const { code } = await transform(await readFile(source, "utf8"), { loader, legalComments: "none" });
  return code;
}

function isInside(root: string, file: string): boolean {
  return file.startsWith(root.endsWith(sep) ? root : root + sep);
}

function isFile(file: string): boolean {
  return existsSync(file) && statSync(file).isFile();
}
