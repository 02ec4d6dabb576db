import { relative, sep } from "node:path";
import { contractImage, imagePath } from "../fleet/protos.js";
import type { ContractSpec, FleetSpec } from "../fleet/spec.js";
import { goldenFiles } from "./golden-files.js";
import type { ImageFile } from "./image-file.js";
import { moduleLayer } from "./module-layer.js";
import type { Platform } from "./platform.js";

/** What all revisions of a contract have in their images. */
export interface ContractLayers {
  /** Packages that the transform imports. */
  readonly packages: readonly ImageFile[];
  /**
   * The contract's descriptors and those of whom it calls, the transform, and the files that it reads; and the golden
   * cases, where a stub answers by them.
   */
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
  const composed = spec.revisions.some(({ module }) => module !== undefined);
  const descriptors = await descriptorFiles(fleet, composed ? [spec.name, ...spec.calls] : [spec.name]);
  const golden = spec.stub?.golden ? await goldenFiles(fleet.root, spec.name) : [];
  const own = [...descriptors, ...golden];
  if (spec.transform === undefined) {
    return { packages: [], contract: own, transform: undefined, close: () => undefined };
  }
  const { packages, files, path, close } = await moduleLayer(fleet, spec.transform, platform);
  // A picture may be an asset of the transform and the request of a golden case.
  const others = files.filter((file) => !own.some(({ path: taken }) => taken === file.path));
  return { packages, contract: [...own, ...others], transform: path, close };
}

/** By the descriptors of those whom it calls a composition writes and reads their messages. */
function descriptorFiles({ root }: FleetSpec, contracts: readonly string[]): Promise<ImageFile[]> {
  return Promise.all(
    contracts.map(async (contract) => {
      const path = relative(root, imagePath(root, contract)).split(sep).join("/");
      return { path, content: { bytes: await contractImage(root, contract) } };
    }),
  );
}
