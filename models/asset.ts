import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Absolute path of a file that a transform needs. Transforms run as `models/x/transform.ts` and, compiled, as
 * `dist/models/x/transform.js`, while their files stay where they are: so the file is looked for under the module's
 * folder and then under each folder above it, as Node looks for `node_modules`.
 * @param module `import.meta.url` of the module that asks
 * @param path relative to the fleet's folder: "models/language/tokenizer.json", "node_modules/x/y.txt"
 */
export function assetPath(module: string, path: string): string {
  const from = dirname(fileURLToPath(module));
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, path);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) throw new Error(`${path}: not found under ${from} or any folder above it`);
  }
}

/** Text of a file that a transform needs. @see assetPath */
export function readAsset(module: string, path: string): string {
  return readFileSync(assetPath(module, path), "utf8");
}
