import { manifestText } from "../src/fleet/manifest-text.js";
import { type ManifestFile, manifestHeader } from "./manifest-file.js";

const FILE_NAME = "kustomization.yaml";

/**
 * What `kubectl apply -k` reads: a kustomization for each folder of the files, and one for all of them, in the files'
 * order. They list files and change nothing, so that one object is the same whichever of them it is applied with.
 */
export function kustomizations(fleet: string, files: readonly ManifestFile[]): ManifestFile[] {
  const folders = new Map<string, string[]>();
  for (const { path } of files) {
    const [folder, name] = path.split("/") as [string, string];
    folders.set(folder, [...(folders.get(folder) ?? []), name]);
  }
  return [
    kustomization(fleet, FILE_NAME, [...folders.keys()]),
    ...[...folders].map(([folder, names]) => kustomization(fleet, `${folder}/${FILE_NAME}`, names)),
  ];
}

function kustomization(fleet: string, path: string, resources: readonly string[]): ManifestFile {
  const object = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources };
  return { path, text: `${manifestHeader(fleet)}${manifestText(object)}`, objects: [] };
}
