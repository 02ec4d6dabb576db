import { readFile } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "./package-info.js";

/** Descriptors of the services that are no contract's, made by `make generate`. */
export function readServiceImages(): Promise<Uint8Array[]> {
  return Promise.all(
    ["flotilla.binpb", "health.binpb"].map((name) => readFile(path.join(PACKAGE_ROOT, "generated", name))),
  );
}
