import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { shownFile } from "../fleet/findings.js";
import { packageRoot } from "../fleet/package-root.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";
import type { ImageContext } from "./context-folder.js";
import type { ContractLayers } from "./contract-layer.js";
import { externalData } from "./external-data.js";
import { copiedFile, type ImageFile, textFile } from "./image-file.js";
import { imageFleet } from "./image-fleet.js";

/** Folder of the model in an image's fleet. */
const MODEL_FOLDER = "model";

/** The image of one revision, on top of the runtime. */
export async function revisionImage(
  { fleet, contract, revision }: { fleet: FleetSpec; contract: ContractSpec; revision: RevisionSpec },
  { packages, contract: contractFiles, transform }: ContractLayers,
): Promise<ImageContext> {
  const model = `${MODEL_FOLDER}/${basename(revision.model)}`;
  const facts = { fleet: fleet.name, contract: contract.name, revision: revision.name, model, transform };
  const file = textFile("fleet.yaml", imageFleet({ ...facts, sha256: revision.sha256 }));
  return {
    dockerfile: join(packageRoot(), "src/packaging/revision.Dockerfile"),
    layers: { packages, contract: contractFiles, revision: [file, ...(await modelFiles(revision, model))] },
  };
}

/** The model and the files that it keeps weights in; none where its pods get it from elsewhere. */
async function modelFiles({ model, sha256, source }: RevisionSpec, path: string): Promise<ImageFile[]> {
  if (source !== undefined) return [];
  if (!existsSync(model)) throw new Error(`${shownFile(model)}: no such file; put the model there, or mend the path`);
  const locations = await externalData(model, shownFile(model));
  return [
    copiedFile(path, model, sha256),
    ...locations.map((location) => copiedFile(`${MODEL_FOLDER}/${location}`, join(dirname(model), location))),
  ];
}
