import { LABEL, REGISTER } from "../fleet/names.js";
import type { Target } from "./apply-traffic.js";
import { listObjects } from "./cluster-objects.js";
import { type ContractObjects, listContracts, type Scope } from "./contract-objects.js";
import { callersOf } from "./hops/caller-pods.js";
import type { KubeObject } from "./kube-object.js";
import { type ContractPod, listPods } from "./revision-pods.js";
import { readTraffic, weightOf } from "./traffic.js";
import { type GoldenResult, readState, type TrafficState } from "./traffic-state.js";

/** A model in use, as a register has it. */
export interface RegisterEntry {
  readonly contract: string;
  readonly namespace: string;
  readonly revision: string;
  /** sha256 of the model that its pods have, hex; several where pods of two states answer at the time. */
  readonly digests: readonly string[];
  readonly owner: string | undefined;
  readonly purpose: string | undefined;
  readonly licence: string | undefined;
  /** Service accounts that the mesh lets in, `namespace/name`. */
  readonly callers: readonly string[];
  /** Per cent of the calls. */
  readonly weight: number;
  readonly image: string | undefined;
  /** When it was put on the cluster, and when its share changed last; ISO 8601. */
  readonly deployed: string | undefined;
  readonly rolledOut: string | undefined;
  /** The last time that its golden cases were sent to one of its pods. */
  readonly golden: GoldenResult | undefined;
}

interface Deployment extends KubeObject {
  readonly spec?: {
    readonly template: { readonly spec: { readonly containers: readonly { name: string; image: string }[] } };
  };
}

/** Where each field is from: a register is worth what its sources are. */
export const REGISTER_SOURCES: Readonly<Record<keyof RegisterEntry, string>> = {
  contract: `VirtualService, label ${LABEL.contract}`,
  namespace: "VirtualService",
  revision: "DestinationRule, subsets",
  digests: `pods, annotation ${REGISTER.digest}; a server whose model has another digest does not start`,
  owner: `Deployment, annotation ${REGISTER.owner}; fleet file, owner`,
  purpose: `Deployment, annotation ${REGISTER.purpose}; fleet file, purpose`,
  licence: `Deployment, annotation ${REGISTER.licence}; fleet file, licence`,
  callers: "AuthorizationPolicy, principals",
  weight: "VirtualService, routes",
  image: "Deployment, container `server`",
  deployed: "Deployment, creationTimestamp",
  rolledOut: "VirtualService, annotation flotilla.dev/history",
  golden: "VirtualService, annotation flotilla.dev/golden, written by `kubectl flotilla rollout`",
};

/** The models of a fleet that are on the cluster, as they are there. @throws ClusterError */
export async function takeInventory(target: Target, scope: Scope): Promise<RegisterEntry[]> {
  const { cluster, resources } = target;
  const contracts = await listContracts(cluster, resources, scope);
  const pods = await listPods(cluster, resources, scope);
  const kind = (await resources.find({ apiVersion: "apps/v1", kind: "Deployment" }))!;
  const deployments = (await listObjects(cluster, kind, {
    namespace: scope.namespace,
    selector: LABEL.contract,
  })) as Deployment[];
  const entries = await Promise.all(
    contracts.map(async (objects) => {
      const callers = await callersOf(target, objects);
      return objects.subsets.revisions.map((revision) => entryOf(objects, revision, { pods, deployments, callers }));
    }),
  );
  return entries.flat();
}

interface Known {
  readonly pods: readonly ContractPod[];
  readonly deployments: readonly Deployment[];
  readonly callers: readonly string[];
}

function entryOf(objects: ContractObjects, revision: string, { pods, deployments, callers }: Known): RegisterEntry {
  const { contract, namespace, service, subsets } = objects;
  const traffic = readTraffic(service, subsets);
  const state = readState(service, traffic);
  const own = pods.filter(
    (pod) => pod.contract === contract && pod.namespace === namespace && pod.revision === revision,
  );
  const deployment = deployments.find(({ metadata }) => {
    const labels = metadata.labels ?? {};
    return (
      metadata.namespace === namespace && labels[LABEL.contract] === contract && labels[LABEL.revision] === revision
    );
  });
  const facts = deployment?.metadata.annotations ?? {};
  return {
    contract,
    namespace,
    revision,
    digests: [...new Set(own.flatMap(({ digest }) => digest ?? []))],
    owner: facts[REGISTER.owner],
    purpose: facts[REGISTER.purpose],
    licence: facts[REGISTER.licence],
    callers,
    weight: weightOf(traffic, revision),
    image: deployment?.spec?.template.spec.containers.find(({ name }) => name === "server")?.image,
    deployed: deployment?.metadata.creationTimestamp,
    rolledOut: lastChange(state, revision),
    golden: state.golden[revision],
  };
}

/** The last entry that gave the revision another share. */
function lastChange({ history }: TrafficState, revision: string): string | undefined {
  const shareIn = (traffic: string) => traffic.split(", ").find((share) => share.startsWith(`${revision} `));
  return history.findLast(({ from, to }) => shareIn(from) !== shareIn(to))?.at;
}
