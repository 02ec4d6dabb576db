import { relative, sep } from "node:path";
import { contractImage, imagePath } from "../fleet/protos.js";
import type { ContractSpec, FleetSpec } from "../fleet/spec.js";
import type { ImageFile } from "./image-file.js";
import { textFile } from "./image-file.js";
import { packageFiles } from "./installed-packages.js";
import type { Platform } from "./platform.js";
import { platformPackages } from "./platform-packages.js";
import { transformAssets } from "./transform-assets.js";
import { bundleTransform } from "./transform-bundle.js";

/** What all revisions of a contract have in their images. */
export interface ContractLayers {
  /** Packages that the transform imports. */
  readonly packages: readonly ImageFile[];
  /** The contract's descriptors, the transform, and the files that it reads. */
  readonly contract: readonly ImageFile[];
  /** The transform's path in the image's fleet; undefined: the contract has none. */
  readonly transform: string | undefined;
  /** To be called once the layers are written. */
  readonly close: () => void;
}

/**
 * The layers of a contract.
 * @throws Error with what is wrong with the contract's .proto, the transform or its packages
 */
export async function contractLayers(
  fleet: FleetSpec,
  spec: ContractSpec,
  platform: Platform,
): Promise<ContractLayers> {
  const bytes = await contractImage(fleet.root, spec.name);
  const descriptors = { path: inFleet(fleet, imagePath(fleet.root, spec.name)), content: { bytes } };
  if (spec.transform === undefined) {
    return { packages: [], contract: [descriptors], transform: undefined, close: () => undefined };
  }
  const bundle = await bundleTransform(spec.transform);
  const assets = await transformAssets(fleet.root, bundle.sources);
  const { packages, close } = await platformPackages(bundle.packages, platform);
  const transform = inFleet(fleet, spec.transform).replace(/\.(ts|mjs)$/, ".js");
  return {
    packages: packageFiles(packages),
    contract: [descriptors, textFile(transform, bundle.code), ...assets],
    transform,
    close,
  };
}

function inFleet({ root }: FleetSpec, path: string): string {
  return relative(root, path).split(sep).join("/");
}
