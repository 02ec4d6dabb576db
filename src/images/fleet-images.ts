import { imageReference, LABEL, runtimeReference } from "../fleet/names.js";
import { packageVersion } from "../fleet/package-root.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";
import type { FileTree } from "./file-tree.js";
import type { Platform } from "./platform.js";
import { revisionContext } from "./revision-context.js";
import { runtimeContext } from "./runtime-context.js";

/** One image of a fleet: what it is called, and what it is made of. */
export interface FleetImage {
  /** `runtime`, or `acme.fraud.v1/r1`. */
  readonly name: string;
  readonly reference: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** @throws Error where something that belongs into the image is missing */
  readonly context: () => Promise<FileTree>;
}

/** What is packaged, and for what. */
export interface PackageOptions {
  readonly fleet: FleetSpec;
  /** `acme.fraud.v1`, `acme.fraud.v1/r1`; none: all of them. */
  readonly names: readonly string[];
  readonly platform: Platform;
  /** Image that the runtime is built on. */
  readonly base: string;
}

/**
 * The images of a fleet: the runtime first, as all others are built on it.
 * @throws Error that names what the fleet does not have
 */
export function fleetImages({ fleet, names, platform, base }: PackageOptions): FleetImage[] {
  const runtime: FleetImage = {
    name: "runtime",
    reference: runtimeReference(fleet.images),
    args: { BASE: base },
    labels: commonLabels("Flotilla's server"),
    context: () => runtimeContext(platform),
  };
  const all = fleet.contracts.flatMap((contract) =>
    contract.revisions.map((revision) => revisionImage(fleet, { contract, revision }, platform)),
  );
  const unknown = names.filter((name) => !all.some((image) => isNamed(image, name)));
  if (unknown.length > 0) {
    throw new Error(`the fleet has no ${unknown.join(", ")}; it has ${all.map(({ name }) => name).join(", ")}`);
  }
  return [runtime, ...all.filter((image) => names.length === 0 || names.some((name) => isNamed(image, name)))];
}

function isNamed(image: FleetImage, name: string): boolean {
  return image.name === name || image.name.startsWith(`${name}/`);
}

function revisionImage(
  fleet: FleetSpec,
  { contract, revision }: { contract: ContractSpec; revision: RevisionSpec },
  platform: Platform,
): FleetImage {
  return {
    name: `${contract.name}/${revision.name}`,
    reference: imageReference(fleet.images, contract.name, revision),
    args: { RUNTIME: runtimeReference(fleet.images) },
    labels: {
      ...commonLabels(`${contract.name} ${revision.name}`),
      ...(contract.owner === undefined ? {} : { "org.opencontainers.image.authors": contract.owner }),
      [LABEL.contract]: contract.name,
      [LABEL.revision]: revision.name,
      "flotilla.dev/model-digest": revision.sha256,
    },
    context: () => revisionContext({ fleet, contract, revision, platform }),
  };
}

/** @see https://github.com/opencontainers/image-spec/blob/main/annotations.md */
function commonLabels(title: string): Record<string, string> {
  return { "org.opencontainers.image.title": title, "flotilla.dev/version": packageVersion() };
}
