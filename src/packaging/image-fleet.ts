import { toYaml } from "../fleet/yaml-writer.js";

/** What the fleet file of an image says. */
export interface ImageFleet {
  readonly fleet: string;
  readonly contract: string;
  readonly revision: string;
  /** Paths relative to the image's fleet. */
  readonly model: string;
  readonly transform: string | undefined;
  readonly sha256: string;
}

/**
 * The fleet file of one revision's image. It says what belongs to the revision for ever; what may change without a new
 * image, such as batching, a pod gets from its environment.
 */
export function imageFleet({ fleet, contract, revision, model, transform, sha256 }: ImageFleet): string {
  return toYaml({
    apiVersion: "flotilla.dev/v1",
    kind: "Fleet",
    metadata: { name: fleet },
    spec: { contracts: [{ name: contract, transform, revisions: { [revision]: { model, sha256 } } }] },
  });
}
