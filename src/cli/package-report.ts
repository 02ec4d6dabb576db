import { formatBytes } from "../packaging/byte-size.js";
import type { PackagedImage } from "../packaging/package-fleet.js";
import type { PackagePlan } from "../packaging/package-plan.js";
import { formatTable } from "./table.js";

/** What `flotilla package --output json` prints. */
export interface PackageReport {
  /** The runtime first, which has no contract and no revision. */
  readonly images: readonly PackagedImage[];
  /** Revisions whose image the fleet file names, so that it is not built here. */
  readonly left: readonly { readonly contract: string; readonly revision: string; readonly image: string }[];
}

export function packageReport(images: readonly PackagedImage[], { left }: PackagePlan): PackageReport {
  return {
    images,
    left: left.map(({ contract, revision, image }) => ({ contract, revision: revision.name, image })),
  };
}

/** The report for a reader. */
export function packageText({ images, left }: PackageReport): string {
  const rows = images.map(({ contract, revision, image, layerBytes }) => [
    contract === undefined ? "runtime" : `${contract}/${revision}`,
    image,
    Object.entries(layerBytes)
      .map(([layer, bytes]) => `${layer} ${formatBytes(bytes)}`)
      .join(", "),
  ]);
  const others = left.map(({ contract, revision, image }) => [
    `${contract}/${revision}`,
    image,
    "named in the fleet file",
  ]);
  return `${formatTable(["WHAT", "IMAGE", "ADDS"], [...rows, ...others])}\n`;
}
