import { imageReference } from "../../../src/fleet/names.js";
import type { ContractSpec } from "../../../src/fleet/spec.js";
import { type KubeObject, runPrograms } from "./fleet-objects.js";
import { EXAMPLE } from "./images.js";
import { askProgram, type Pods, podsOf } from "./pods.js";

/** How a moody server answers; see programs/moody-server.mjs. */
export interface Mood {
  readonly failPercent?: number;
  /** gRPC code of the failures, UNAVAILABLE where it is not said. */
  readonly code?: number;
  readonly delayMs?: number;
}

/**
 * Lets the pods of a revision run another revision's image, with moods; see programs/moody-model.mjs.
 * @param names.revision whose pods
 * @param names.model the revision whose model it is
 */
export function giveMoods(
  objects: readonly KubeObject[],
  { name, revisions }: ContractSpec,
  names: { readonly revision: string; readonly model: string },
): void {
  const image = imageReference(EXAMPLE.images, name, revisions.find((revision) => revision.name === names.model)!);
  const env = { CONTRACT: name, REVISION: names.revision };
  runPrograms(objects, (contract, revision) => {
    return contract === name && revision === names.revision ? { image, file: "moody-model.mjs", env } : undefined;
  });
}

/** Sets the mood of a pod. */
export async function setMood({ namespace }: { namespace: string }, pod: string, mood: Mood): Promise<void> {
  await askProgram({ namespace, pod }, { method: "PUT", body: JSON.stringify(mood) });
}

/** Sets the mood of all of them. */
export async function setMoods(pods: Pods, mood: Mood): Promise<void> {
  await Promise.all((await podsOf(pods)).map((pod) => setMood(pods, pod, mood)));
}

/** Calls that a pod has seen, by path. */
export async function seenBy(
  { namespace }: { namespace: string },
  pod: string,
): Promise<Readonly<Record<string, number>>> {
  return (await askProgram<{ seen: Record<string, number> }>({ namespace, pod })).seen;
}
