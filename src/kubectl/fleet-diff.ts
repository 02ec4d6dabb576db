import { fleetLabels, LABEL } from "../fleet/names.js";
import { type ApiResource, ApiResources, qualifiedPlural } from "./api-resources.js";
import type { Cluster } from "./cluster.js";
import { ClusterError } from "./cluster-error.js";
import { dryRunApply, listObjects, readObject } from "./cluster-objects.js";
import { concurrently } from "./concurrent.js";
import { objectDiff } from "./diff.js";
import { FLEET_KINDS, type FleetKind, providerOf } from "./fleet-kinds.js";
import { type KubeObject, objectKey, objectName } from "./kube-object.js";
import { routedContract, type TrafficChange, trafficChanges } from "./traffic-view.js";

/** What applying a fleet's manifests would change on a cluster. Objects are in the manifests' order. */
export interface FleetDiff {
  readonly created: readonly string[];
  readonly changed: readonly ChangedObject[];
  readonly unchanged: number;
  /** Contracts whose calls would go elsewhere. */
  readonly traffic: readonly ContractTraffic[];
  readonly leftovers: readonly Leftover[];
  /** What could not be compared, and why. */
  readonly problems: readonly string[];
}

export interface ChangedObject {
  /** `VirtualService models/acme-fraud-v1`. */
  readonly name: string;
  /** Of a unified diff. */
  readonly lines: readonly string[];
}

export interface ContractTraffic {
  readonly contract: string;
  readonly changes: readonly TrafficChange[];
}

/** An object that the fleet made and no longer has: it would stay. */
export interface Leftover {
  readonly name: string;
  /** The command that removes it. */
  readonly remove: string;
}

/** What is compared, and with which cluster. */
export interface DiffOptions {
  /** The fleet's name and namespace. */
  readonly fleet: { readonly name: string; readonly namespace: string };
  readonly manifests: readonly KubeObject[];
  readonly cluster: Cluster;
  /** Called as objects are done. */
  readonly onProgress: (done: number) => void;
}

/** Requests at a time. */
const CONCURRENCY = 16;

/** One manifest against the cluster. */
type Outcome =
  | {
      readonly state: "created" | "unchanged" | "changed";
      readonly lines: readonly string[];
      readonly live?: KubeObject;
    }
  | { readonly state: "problem"; readonly problem: string };

/**
 * Compares each manifest with what the cluster would make of it, by dry runs: nothing is changed.
 * @throws ClusterError where the cluster gives no answer
 */
export async function diffFleet(options: DiffOptions): Promise<FleetDiff> {
  const { manifests, fleet, cluster, onProgress } = options;
  const resources = new ApiResources(cluster);
  const kinds = await knownKinds(resources, manifests);
  const there = await namespaceExists(resources, cluster, fleet.namespace);
  const live = there ? await liveObjects(options, [...kinds.values()]) : { objects: new Map(), problems: [] };
  let done = 0;
  const outcomes = await concurrently(manifests, CONCURRENCY, async (wanted): Promise<Outcome> => {
    const resource = kinds.get(kindKey(wanted));
    const outcome = await outcomeOf(cluster, { wanted, resource, live: live.objects.get(objectKey(wanted)), there });
    onProgress(++done);
    return outcome;
  });
  const leftovers = leftoversOf(manifests, live.objects, [...kinds.values()]);
  return { ...summary(manifests, outcomes, [...missingKinds(manifests, kinds), ...live.problems]), leftovers };
}

function kindKey({ apiVersion, kind }: FleetKind): string {
  return `${apiVersion} ${kind}`;
}

async function knownKinds(resources: ApiResources, manifests: readonly KubeObject[]) {
  const wanted = new Map<string, FleetKind>([...FLEET_KINDS, ...manifests].map((kind) => [kindKey(kind), kind]));
  const found = new Map<string, ApiResource>();
  for (const [key, kind] of wanted) {
    const resource = await resources.find(kind);
    if (resource !== undefined) found.set(key, resource);
  }
  return found;
}

async function namespaceExists(resources: ApiResources, cluster: Cluster, name: string): Promise<boolean> {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  return (await readObject(cluster, (await resources.find(namespace))!, namespace)) !== undefined;
}

/** The fleet's objects as they are, by key: one list for each kind rather than a request for each object. */
async function liveObjects({ cluster, fleet }: DiffOptions, kinds: readonly ApiResource[]) {
  const { [LABEL.partOf]: partOf, [LABEL.managedBy]: managedBy } = fleetLabels(fleet.name);
  const selector = `${LABEL.partOf}=${partOf},${LABEL.managedBy}=${managedBy}`;
  const problems: string[] = [];
  const lists = await concurrently(kinds, CONCURRENCY, async (kind) => {
    if (!kind.namespaced) return [];
    try {
      return await listObjects(cluster, kind, { namespace: fleet.namespace, selector });
    } catch (error) {
      problems.push(problemOf(error));
      return [];
    }
  });
  return { objects: new Map(lists.flat().map((object) => [objectKey(object), object])), problems };
}

interface Comparison {
  readonly wanted: KubeObject;
  /** Undefined: the cluster does not know the kind. */
  readonly resource: ApiResource | undefined;
  /** As it is, where that is known. */
  readonly live: KubeObject | undefined;
  /** Whether the fleet's namespace is there. */
  readonly there: boolean;
}

async function outcomeOf(cluster: Cluster, { wanted, resource, live, there }: Comparison): Promise<Outcome> {
  // One finding for the whole kind tells of it.
  if (resource === undefined) return { state: "created", lines: [] };
  // In a namespace that is not there yet nothing can be tried.
  if (resource.namespaced && !there) return { state: "created", lines: [] };
  try {
    // An object of the same name that somebody else made has other labels, or none.
    const before = live ?? (await readObject(cluster, resource, wanted));
    const planned = await dryRunApply(cluster, resource, wanted);
    if (before === undefined) return { state: "created", lines: [] };
    const lines = objectDiff({ live: before, wanted, planned });
    return { state: lines.length === 0 ? "unchanged" : "changed", lines, live: before };
  } catch (error) {
    return { state: "problem", problem: problemOf(error) };
  }
}

function problemOf(error: unknown): string {
  // Without an answer at all the next object would wait as long for none.
  if (error instanceof ClusterError && !error.unanswered) return error.message;
  throw error;
}

function missingKinds(manifests: readonly KubeObject[], known: ReadonlyMap<string, ApiResource>): string[] {
  const missing = new Map<string, FleetKind>();
  for (const manifest of manifests) if (!known.has(kindKey(manifest))) missing.set(kindKey(manifest), manifest);
  return [...missing.values()].map(({ apiVersion, kind }) => {
    return `${kind} of ${apiVersion}: the cluster does not know this kind; install ${providerOf(apiVersion)}, or a newer version of it`;
  });
}

function summary(manifests: readonly KubeObject[], outcomes: readonly Outcome[], problems: readonly string[]) {
  const created: string[] = [];
  const changed: ChangedObject[] = [];
  const traffic: ContractTraffic[] = [];
  const found = [...problems];
  for (const [index, outcome] of outcomes.entries()) {
    const manifest = manifests[index]!;
    const name = objectName(manifest);
    if (outcome.state === "problem") {
      found.push(outcome.problem);
      continue;
    }
    if (outcome.state === "created") created.push(name);
    if (outcome.state === "changed") changed.push({ name, lines: outcome.lines });
    const contract = outcome.state === "unchanged" ? undefined : routedContract(manifest);
    const changes = contract === undefined ? [] : trafficChanges(outcome.live, manifest);
    if (contract !== undefined && changes.length > 0) traffic.push({ contract, changes });
  }
  const unchanged = outcomes.filter(({ state }) => state === "unchanged").length;
  return { created, changed, unchanged, traffic, problems: found };
}

/** What the fleet made and does not have any more. What an engine made of the fleet's objects has an owner: them. */
function leftoversOf(
  manifests: readonly KubeObject[],
  live: ReadonlyMap<string, KubeObject>,
  kinds: readonly ApiResource[],
): Leftover[] {
  const wanted = new Set(manifests.map(objectKey));
  const left = [...live].filter(
    ([key, { metadata }]) => !wanted.has(key) && (metadata.ownerReferences ?? []).length === 0,
  );
  return left.map(([, object]) => {
    const { name, namespace } = object.metadata;
    const resource = kinds.find((kind) => kindKey(kind) === kindKey(object))!;
    return { name: objectName(object), remove: `kubectl delete ${qualifiedPlural(resource)} ${name} -n ${namespace}` };
  });
}
