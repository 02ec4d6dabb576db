import { manifestText } from "../fleet/manifest-text.js";
import { withoutDropped } from "./dropped-fields.js";
import type { KubeObject } from "./kube-object.js";
import { unifiedDiff } from "./line-diff.js";

/** What the cluster keeps for itself in an object's metadata. */
const CLUSTERS_OWN = ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];
/** Where `kubectl apply` keeps the manifest that it applied. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** An object before an apply, what was applied, and the object afterwards. */
export interface Applied {
  readonly live: KubeObject;
  readonly wanted: KubeObject;
  /** By a server-side dry run. */
  readonly planned: KubeObject;
}

/** What applying would change in an object, as lines of a unified diff of its YAML; nothing where it changes nothing. */
export function objectDiff({ live, wanted, planned }: Applied): string[] {
  const last = lastApplied(live);
  const after = last === undefined ? planned : (withoutDropped(planned, last, withAnnotations(wanted)) as KubeObject);
  return unifiedDiff(manifestText(comparable(live)), manifestText(comparable(after)));
}

/** As kubectl applies it: with annotations, as its own is one of them. */
function withAnnotations({ metadata, ...rest }: KubeObject): object {
  return { ...rest, metadata: { ...metadata, annotations: metadata.annotations ?? {} } };
}

/** An object without what the cluster writes into it. */
function comparable(object: KubeObject): object {
  const { status: _, ...rest } = object as KubeObject & { status?: unknown };
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !CLUSTERS_OWN.includes(key)));
  const annotations = Object.entries(object.metadata.annotations ?? {}).filter(([key]) => key !== LAST_APPLIED);
  if (annotations.length > 0) metadata.annotations = Object.fromEntries(annotations);
  else delete metadata.annotations;
  return { ...rest, metadata };
}

/** The manifest that `kubectl apply` applied last, where that was the last word on the object's fields. */
function lastApplied({ metadata }: KubeObject): unknown {
  const text = metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Somebody wrote over it: then kubectl knows nothing to remove either.
  }
}
