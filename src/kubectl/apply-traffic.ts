import type { ApiResources } from "./api-resources.js";
import type { Cluster } from "./cluster.js";
import { ClusterError } from "./cluster-error.js";
import { applyFields } from "./cluster-objects.js";
import { type ContractObjects, istioKind, readAgain } from "./contract-objects.js";
import { parseHistory, withEntry } from "./history.js";
import { formatChanges, trafficWords } from "./plan-text.js";
import { readTraffic, type Traffic } from "./traffic.js";
import { withTraffic } from "./traffic-edit.js";
import type { TrafficPlan } from "./traffic-plan.js";
import { ANNOTATION, readState, type TrafficState, toAnnotations } from "./traffic-state.js";
import type { VirtualService } from "./virtual-service.js";

/** Under this name the plugin owns the routes that it changed, and its annotations. */
export const PLUGIN_MANAGER = "kubectl-flotilla";

/** A cluster, and what is known of its kinds. */
export interface Target {
  readonly cluster: Cluster;
  readonly resources: ApiResources;
}

/** Who changes the traffic, when and why. */
export interface Author {
  readonly who: string;
  /** ISO 8601. */
  readonly at: string;
  readonly why: string;
}

/**
 * Applies a plan to the objects that it was made for: the VirtualServices of the ingress, then the contract's own with the
 * state.
 * @param dryRun the cluster checks it, and changes nothing
 * @throws ClusterError where somebody changed the traffic meanwhile, saying who and how
 */
export async function applyTraffic(
  target: Target,
  { objects, plan, author, dryRun }: { objects: ContractObjects; plan: TrafficPlan; author: Author; dryRun: boolean },
): Promise<ContractObjects> {
  const { service, subsets } = objects;
  const before = readTraffic(service, subsets);
  const annotations = toAnnotations(stateAfter(readState(service, before), { before, plan, author }));
  // The state comes last: where one of them fails, the whole change can be made once more.
  const ingress: VirtualService[] = [];
  for (const one of objects.ingress) {
    ingress.push(await applyRoutes(target, { objects, service: one, traffic: plan.traffic, annotations: {}, dryRun }));
  }
  const after = await applyRoutes(target, { objects, service, traffic: plan.traffic, annotations, dryRun });
  return { ...objects, service: after, ingress };
}

/**
 * Writes the state alone: the traffic stays.
 * @throws ClusterError; `conflict` where somebody changed the object meanwhile
 */
export async function applyState(
  target: Target,
  objects: ContractObjects,
  state: TrafficState,
): Promise<ContractObjects> {
  const { service } = objects;
  const traffic = readTraffic(service, objects.subsets);
  const annotations = toAnnotations(state);
  return { ...objects, service: await applyRoutes(target, { objects, service, traffic, annotations, dryRun: false }) };
}

interface RoutesApply {
  readonly objects: ContractObjects;
  readonly service: VirtualService;
  readonly traffic: Traffic;
  readonly annotations: Readonly<Record<string, string>>;
  readonly dryRun: boolean;
}

async function applyRoutes(target: Target, { objects, service, traffic, annotations, dryRun }: RoutesApply) {
  const { name, namespace, resourceVersion } = service.metadata;
  const fields = {
    apiVersion: service.apiVersion,
    kind: service.kind,
    metadata: { name, namespace: namespace!, resourceVersion: resourceVersion!, annotations },
    spec: { http: withTraffic(service.spec?.http ?? [], traffic, objects.subsets) },
  };
  const resource = await istioKind(target.cluster, target.resources, service.kind);
  try {
    const applied = await applyFields(target.cluster, resource, fields, { fieldManager: PLUGIN_MANAGER, dryRun });
    return applied as VirtualService;
  } catch (error) {
    if (!(error instanceof ClusterError) || !error.conflict) throw error;
    throw await changedMeanwhile(target, objects, service);
  }
}

function stateAfter(
  state: TrafficState,
  { before, plan, author }: { before: Traffic; plan: TrafficPlan; author: Author },
): TrafficState {
  const entry = { ...author, verb: plan.verb, from: trafficWords(before), to: trafficWords(plan.traffic) };
  const golden = { ...state.golden, ...plan.golden };
  return { stable: plan.stable, rollout: plan.rollout, history: withEntry(state.history, entry), golden };
}

/** Who got in between, and what they did. */
async function changedMeanwhile(
  { cluster, resources }: Target,
  { contract, subsets }: ContractObjects,
  service: VirtualService,
): Promise<ClusterError> {
  const now = await readAgain(cluster, resources, service);
  const changes = formatChanges(readTraffic(service, subsets), readTraffic(now, subsets));
  const last = parseHistory(now.metadata.annotations?.[ANNOTATION.history]).at(-1);
  const known = parseHistory(service.metadata.annotations?.[ANNOTATION.history]).at(-1);
  const who = last !== undefined && last.at !== known?.at ? `${last.who} (${last.verb})` : lastWriter(now);
  return new ClusterError(
    `${contract} was changed meanwhile by ${who}: ${changes || "its traffic is the same"}; nothing of this was applied. ` +
      "Look at `kubectl flotilla status`, and run the command again if it still makes sense",
    { conflict: true },
  );
}

function lastWriter({ metadata: { managedFields = [] } }: VirtualService): string {
  const writers = managedFields.filter(({ time, manager }) => time !== undefined && manager !== undefined);
  const [last] = writers.sort((one, other) => (one.time! < other.time! ? 1 : -1));
  return last === undefined ? "somebody" : `the field manager ${last.manager} at ${last.time}`;
}
