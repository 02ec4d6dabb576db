import { existsSync, statSync } from "node:fs";
import path from "node:path";

/** A fleet file, where its folder may be named for it. */
export function fleetFile(where: string): string {
  return existsSync(where) && statSync(where).isDirectory() ? path.join(where, "fleet.yaml") : where;
}
