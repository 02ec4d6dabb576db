import path from "node:path";
import { PACKAGE_ROOT } from "./package-info.js";

/**
 * How to run Flotilla from where the user stands, for commands to copy: `npx flotilla` in its own folder, `flotilla`
 * where it was found by that name, or the whole path. Elsewhere npx would ask the public registry for a package of
 * that name.
 */
export function invocation(): string {
  const away = path.relative(PACKAGE_ROOT, process.cwd()).startsWith("..");
  if (!away) return "npx flotilla";
  if (path.basename(process.argv[1] ?? "") === "flotilla") return "flotilla";
  return `node ${path.join(PACKAGE_ROOT, "src/bin/run.js")}`;
}
