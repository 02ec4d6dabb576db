import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { shownFile } from "../fleet/findings.js";
import { packageRoot } from "../fleet/package-root.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";
import type { ImageContext } from "./context-folder.js";
import type { ContractLayers } from "./contract-layer.js";
import { externalData } from "./external-data.js";
import { copiedFile, type ImageFile, textFile } from "./image-file.js";
import { type ImageFleet, imageFleet } from "./image-fleet.js";
import type { ModuleLayer } from "./module-layer.js";
import { type SbomSubject, sbomFile } from "./sbom.js";

type RevisionLayers = Readonly<Record<"packages" | "contract" | "revision", readonly ImageFile[]>>;

/** Folder of the model in an image's fleet. */
const MODEL_FOLDER = "model";

/** The image of one revision, on top of the runtime. */
export async function revisionImage(
  { fleet, contract, revision }: { fleet: FleetSpec; contract: ContractSpec; revision: RevisionSpec },
  { packages, contract: contractFiles, transform }: ContractLayers,
): Promise<ImageContext> {
  const { sha256 } = revision;
  const path = `${MODEL_FOLDER}/${basename(revision.model!)}`;
  const file = fleetFile({ fleet, contract, revision }, { transform, says: { model: path, sha256 } });
  const models = await modelFiles(revision, path);
  const model = models.length > 0 ? { path, sha256 } : undefined;
  const layers = { packages, contract: contractFiles, revision: [file, ...models] };
  return image(layers, { ...subjectOf(contract, revision), model });
}

/** The image of a composition. Its packages are its own: those of the contract's transform are for models. */
export function compositionImage(
  { fleet, contract, revision }: { fleet: FleetSpec; contract: ContractSpec; revision: RevisionSpec },
  { contract: contractFiles }: ContractLayers,
  { packages, files, path, bundledSha256 }: ModuleLayer,
): ImageContext {
  const says = { module: path, sha256: revision.sha256, bundled: bundledSha256 };
  const file = fleetFile({ fleet, contract, revision }, { transform: undefined, says });
  return image({ packages, contract: contractFiles, revision: [file, ...files] }, subjectOf(contract, revision));
}

function subjectOf(contract: ContractSpec, revision: RevisionSpec): SbomSubject {
  return { name: `${contract.name}/${revision.name}`, version: revision.name };
}

/** The layers, and beside the last a list of what is in them. */
function image(layers: RevisionLayers, subject: SbomSubject): ImageContext {
  return {
    dockerfile: join(packageRoot(), "src/packaging/revision.Dockerfile"),
    layers: { ...layers, revision: [...layers.revision, sbomFile(subject, layers)] },
  };
}

function fleetFile(
  { fleet, contract, revision }: { fleet: FleetSpec; contract: ContractSpec; revision: RevisionSpec },
  facts: Pick<ImageFleet, "transform" | "says">,
): ImageFile {
  return textFile(
    "fleet.yaml",
    imageFleet({ fleet: fleet.name, contract: contract.name, revision: revision.name, ...facts }),
  );
}

/** The model and the files that it keeps weights in; none where its pods get it from elsewhere. */
async function modelFiles({ model: file, sha256, source }: RevisionSpec, path: string): Promise<ImageFile[]> {
  if (source !== undefined) return [];
  const model = file!;
  if (!existsSync(model)) throw new Error(`${shownFile(model)}: no such file; put the model there, or mend the path`);
  const locations = await externalData(model, shownFile(model));
  return [
    copiedFile(path, model, sha256),
    ...locations.map((location) => copiedFile(`${MODEL_FOLDER}/${location}`, join(dirname(model), location))),
  ];
}
