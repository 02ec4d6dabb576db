import { createHash } from "node:crypto";
import { relative, sep } from "node:path";
import { bundleModule } from "../fleet/module-bundle.js";
import type { FleetSpec } from "../fleet/spec.js";
import { type ImageFile, textFile } from "./image-file.js";
import { packageFiles } from "./installed-packages.js";
import type { Platform } from "./platform.js";
import { platformPackages } from "./platform-packages.js";
import { transformAssets } from "./transform-assets.js";

/** A transform or a composition in an image. */
export interface ModuleLayer {
  /** Packages that it imports. */
  readonly packages: readonly ImageFile[];
  /** The module as one file, and the files that it reads. */
  readonly files: readonly ImageFile[];
  /** Its path in the image's fleet. */
  readonly path: string;
  /** Hex digest of that one file. */
  readonly bundledSha256: string;
  /** To be called once the files are written. */
  readonly close: () => void;
}

/**
 * What an image has of a module of the fleet.
 * @param module absolute path
 * @throws Error with what is wrong with the module or its packages
 */
export async function moduleLayer({ root }: FleetSpec, module: string, platform: Platform): Promise<ModuleLayer> {
  const bundle = await bundleModule(module);
  const assets = await transformAssets(root, bundle.sources);
  const { packages, close } = await platformPackages(bundle.packages, platform);
  const path = relative(root, module)
    .split(sep)
    .join("/")
    .replace(/\.(ts|mjs)$/, ".js");
  return {
    packages: packageFiles(packages),
    files: [textFile(path, bundle.code), ...assets],
    path,
    bundledSha256: createHash("sha256").update(bundle.code).digest("hex"),
    close,
  };
}
