import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { ROOT } from "../../support/contract-fixture.js";

/** Where the programs of test/cluster/programs are in a pod: below the runtime image's packages, so that they find them. */
export const PROGRAM_FOLDER = "/app/programs";

/** How a pod gets them. */
export const PROGRAM_VOLUME = { name: "programs", configMap: { name: "programs" } };
export const PROGRAM_MOUNT = { name: "programs", mountPath: PROGRAM_FOLDER };

const FOLDER = "test/cluster/programs";
/** The .mjs files as they are, and those that import Flotilla's own modules: these come with it, packages are the image's. */
const PLAIN = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith(".mjs"));
const BUNDLED = ["relay", "listener"];

/** The programs as a ConfigMap. */
export async function programs(namespace: string): Promise<object> {
  const plain = PLAIN.map((name) => [name, readFileSync(join(ROOT, FOLDER, name), "utf8")]);
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: BUNDLED.map((name) => join("dist", FOLDER, `${name}.js`)),
    outdir: FOLDER,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    write: false,
  });
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "programs", namespace },
    data: Object.fromEntries([
      ...plain,
      ...outputFiles.map(({ path, text }) => [`${basename(path, ".js")}.mjs`, text]),
    ]),
  };
}
