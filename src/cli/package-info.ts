import { packageRoot, packageVersion } from "../fleet/package-root.js";

/** Absolute folder of Flotilla itself: where its package.json, proto/ and generated/ are. */
export const PACKAGE_ROOT = packageRoot();

/** Version of Flotilla. */
export const VERSION = packageVersion();
