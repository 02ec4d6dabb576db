import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute folder of Flotilla itself: where its package.json, proto/ and generated/ are. */
export const PACKAGE_ROOT = findPackageRoot(path.dirname(fileURLToPath(import.meta.url)));

/** Version of Flotilla. */
export const VERSION: string = JSON.parse(readFileSync(path.join(PACKAGE_ROOT, "package.json"), "utf8")).version;

/** The nearest folder above that holds Flotilla's package.json; compiled code lies deeper than its source. */
function findPackageRoot(from: string): string {
  for (let folder = from; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    try {
      if (JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).name === "flotilla") return folder;
    } catch {
      // No package.json here: look further up.
    }
  }
  throw new Error(`no package.json of flotilla above ${from}`);
}
