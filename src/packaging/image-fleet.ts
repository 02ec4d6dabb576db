import { toYaml } from "../fleet/yaml-writer.js";

/** What the fleet file of an image says. */
export interface ImageFleet {
  readonly fleet: string;
  readonly contract: string;
  readonly revision: string;
  /** Path relative to the image's fleet. */
  readonly transform: string | undefined;
  /** What is said of the revision; paths are relative to the image's fleet. */
  readonly says: { readonly sha256: string } & (
    | { readonly model: string }
    | { readonly module: string; readonly bundled: string }
  );
}

/**
 * The fleet file of one revision's image. It says what belongs to the revision for ever; what may change without a new
 * image, such as batching, a pod gets from its environment.
 */
export function imageFleet({ fleet, contract, revision, transform, says }: ImageFleet): string {
  return toYaml({
    apiVersion: "flotilla.dev/v1",
    kind: "Fleet",
    metadata: { name: fleet },
    spec: { contracts: [{ name: contract, transform, revisions: { [revision]: says } }] },
  });
}
