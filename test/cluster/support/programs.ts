import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../support/contract-fixture.js";

/** Where the programs of test/cluster/programs are in a pod: below the runtime image's packages, so that they find them. */
export const PROGRAM_FOLDER = "/app/programs";
const NAMES = ["caller.mjs", "moody-server.mjs"];

/** The programs as a ConfigMap. */
export function programs(namespace: string): object {
  const data = NAMES.map((name) => [name, readFileSync(join(ROOT, "test/cluster/programs", name), "utf8")]);
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "programs", namespace },
    data: Object.fromEntries(data),
  };
}

/** How a pod gets them. */
export const PROGRAM_VOLUME = { name: "programs", configMap: { name: "programs" } };
export const PROGRAM_MOUNT = { name: "programs", mountPath: PROGRAM_FOLDER };
