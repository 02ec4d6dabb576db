import { type Caller, callerObjects } from "./caller.js";
import type { KubeObject } from "./fleet-objects.js";
import { apply, kubectl } from "./kubectl.js";
import { removeNamespaces } from "./namespace.js";
import { programs } from "./programs.js";
import { undoLater } from "./undo.js";

/** What some tests have on the cluster. */
export interface Stage {
  /** Its own; taken away with it. */
  readonly namespaces: readonly string[];
  readonly objects: readonly object[];
  readonly callers: readonly Caller[];
  /** Whether its namespaces get sidecars, where none of its objects is the namespace. @default true */
  readonly injected?: boolean;
}

const READY_LIMIT = "300s";

/** Puts a stage on the cluster, waits until its pods are ready, and takes it away in the end. */
export async function raise({ namespaces, objects, callers, injected = true }: Stage): Promise<void> {
  await removeNamespaces(namespaces);
  undoLater(`taking ${namespaces.join(", ")} away`, () => removeNamespaces(namespaces));
  const labels = { "istio-injection": injected ? "enabled" : "disabled" };
  const made = namespaces.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } }));
  const own = (objects as KubeObject[]).filter(({ kind }) => kind === "Namespace");
  await apply([...made.filter(({ metadata }) => !own.some((one) => one.metadata.name === metadata.name)), ...own]);
  const rest = objects.filter((object) => !own.includes(object as KubeObject));
  const scripts = await Promise.all(namespaces.map(programs));
  await apply([...scripts, ...rest, ...callers.flatMap(callerObjects)]);
  await Promise.all(namespaces.map(untilReady));
}

/** Waits until each Deployment of a namespace has all its pods, of its newest state. */
export async function untilReady(namespace: string): Promise<void> {
  await kubectl(["rollout", "status", "deployment", "-n", namespace, `--timeout=${READY_LIMIT}`]);
}

/** A stage that is put up when a test asks for it first, and no second time. */
export function onDemand(stage: () => Promise<Stage>): () => Promise<void> {
  let raised: Promise<void> | undefined;
  return () => {
    raised ??= stage().then(raise);
    return raised;
  };
}
