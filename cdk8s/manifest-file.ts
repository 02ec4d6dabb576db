import { manifestText } from "../src/fleet/manifest-text.js";

/** An object of the Kubernetes API as a manifest states it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** One file of a fleet's manifests. */
export interface ManifestFile {
  /** Relative to the folder of all manifests, with slashes. */
  readonly path: string;
  readonly text: string;
  /** What the text holds for the cluster, in its order; nothing in a kustomization. */
  readonly objects: readonly Manifest[];
}

/** A file of some objects. */
export function objectFile(fleet: string, path: string, objects: readonly Manifest[]): ManifestFile {
  return { path, text: `${manifestHeader(fleet)}${objects.map(manifestText).join("---\n")}`, objects };
}

/** First line of every file of a fleet: by it `flotilla manifests` knows the files that it may write over or remove. */
export function manifestHeader(fleet: string): string {
  return `# Made by \`flotilla manifests\` of the fleet ${fleet}. Edit its fleet.yaml instead.\n`;
}

/** The fleet whose header a text begins with; undefined: the text is somebody else's. */
export function fleetOfManifest(text: string): string | undefined {
  return /^# Made by `flotilla manifests` of the fleet (\S+)\. /.exec(text)?.[1];
}
