import { askProgram, type Pods, podsOf } from "./pods.js";

/** How a moody server answers; see programs/moody-server.mjs. */
export interface Mood {
  readonly failPercent?: number;
  /** gRPC code of the failures, UNAVAILABLE where it is not said. */
  readonly code?: number;
  readonly delayMs?: number;
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
