import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot, packageVersion } from "../fleet/package-root.js";
import type { ImageContext } from "./context-folder.js";
import { copiedFile, type ImageFile, textFile } from "./image-file.js";
import type { Platform } from "./platform.js";
import { traceFiles } from "./runtime-trace.js";
import { sbomFile } from "./sbom.js";

/** What a container starts, and the modules that it starts threads and processes with, by their paths. */
const ENTRIES = ["bin/container.js", "serving/worker.js", "serving/apart-process.js"].map((file) => `dist/src/${file}`);
/** What the server reads by path: descriptors of the services that are no contract's. */
const DESCRIPTORS = ["generated/flotilla.binpb", "generated/health.binpb"];
const NATIVE_PACKAGE = "onnxruntime-node";

/** The image that all of a fleet's revisions are built on: all of Flotilla that a container needs, and no model. */
export async function runtimeImage(platform: Platform): Promise<ImageContext> {
  const root = packageRoot();
  const flotilla = [
    manifest(),
    ...DESCRIPTORS.map((path) => copiedFile(path, join(root, path))),
    ...(await traceFiles(root, ENTRIES)),
  ];
  const sbom = sbomFile({ name: "flotilla", version: packageVersion() }, { flotilla });
  return {
    dockerfile: join(root, "src/packaging/runtime.Dockerfile"),
    layers: { native: nativeFiles(platform), flotilla: [...flotilla, sbom] },
  };
}

/** By its package.json Flotilla knows its folder and version, and Node that its modules are modules. */
function manifest(): ImageFile {
  const facts = { name: "flotilla", version: packageVersion(), private: true, type: "module" };
  return textFile("package.json", `${JSON.stringify(facts, null, 2)}\n`);
}

/** ONNX Runtime's libraries for one platform; its package has those of all. */
function nativeFiles({ arch }: Platform): ImageFile[] {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve(`${NATIVE_PACKAGE}/package.json`));
  const ofPlatform = join("linux", arch);
  const files = readdirSync(join(folder, "bin"), { recursive: true, encoding: "utf8" })
    .filter((path) => dirname(path).endsWith(ofPlatform))
    .sort();
  if (files.length === 0) throw new Error(`${NATIVE_PACKAGE} has no libraries for linux on ${arch}: install it again`);
  return files.map((path) => {
    return copiedFile(`node_modules/${NATIVE_PACKAGE}/bin/${path.replaceAll("\\", "/")}`, join(folder, "bin", path));
  });
}
