import { readFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../fleet/package-root.js";

/** Absolute folder of Flotilla itself: where its package.json, proto/ and generated/ are. */
export const PACKAGE_ROOT = packageRoot();

/** Version of Flotilla. */
export const VERSION: string = JSON.parse(readFileSync(path.join(PACKAGE_ROOT, "package.json"), "utf8")).version;
