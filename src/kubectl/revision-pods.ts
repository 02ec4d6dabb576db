import { LABEL, REGISTER } from "../fleet/names.js";
import type { ApiResources } from "./api-resources.js";
import type { Cluster } from "./cluster.js";
import { listObjects } from "./cluster-objects.js";
import type { ContractObjects } from "./contract-objects.js";
import type { KubeObject } from "./kube-object.js";
import type { RevisionPods } from "./traffic-plan.js";

/** A pod of a contract. */
export interface ContractPod {
  readonly name: string;
  readonly namespace: string;
  /** Unlike that of a pod of the same name before it. */
  readonly uid: string;
  readonly contract: string;
  readonly revision: string;
  /** Takes calls. */
  readonly ready: boolean;
  /** Of the server's container. */
  readonly restarts: number;
  /** Of its model, hex; undefined where the pod does not say. */
  readonly digest: string | undefined;
  readonly tier: string | undefined;
}

interface Pod extends KubeObject {
  readonly metadata: KubeObject["metadata"] & { readonly uid: string; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly name: string; readonly restartCount: number }[];
  };
}

interface Deployment extends KubeObject {
  readonly spec?: { readonly replicas?: number };
}

const SERVER = "server";

/** The pods of a contract, or of all contracts of a namespace; those that are going are left out. */
export async function listPods(
  cluster: Cluster,
  resources: ApiResources,
  of: { readonly namespace: string | undefined; readonly contract?: string | undefined },
): Promise<ContractPod[]> {
  const resource = (await resources.find({ apiVersion: "v1", kind: "Pod" }))!;
  const selector = selectorOf(of.contract);
  const pods = (await listObjects(cluster, resource, { namespace: of.namespace, selector })) as Pod[];
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(toPod);
}

/**
 * How many pods of each revision are ready, of how many.
 * @throws ClusterError
 */
export async function revisionPods(
  cluster: Cluster,
  resources: ApiResources,
  { contract, namespace, subsets }: ContractObjects,
): Promise<RevisionPods[]> {
  const deployments = async () => {
    const kind = (await resources.find({ apiVersion: "apps/v1", kind: "Deployment" }))!;
    return listObjects(cluster, kind, { namespace, selector: selectorOf(contract) });
  };
  const [pods, wanted] = await Promise.all([listPods(cluster, resources, { namespace, contract }), deployments()]);
  return subsets.revisions.map((revision) => ({
    revision,
    ready: pods.filter((pod) => pod.revision === revision && pod.ready).length,
    wanted: (wanted as Deployment[])
      .filter(({ metadata }) => metadata.labels?.[LABEL.revision] === revision)
      .reduce((sum, { spec }) => sum + (spec?.replicas ?? 1), 0),
  }));
}

function selectorOf(contract: string | undefined): string {
  return contract === undefined ? LABEL.contract : `${LABEL.contract}=${contract}`;
}

function toPod({ metadata, status }: Pod): ContractPod {
  const { labels = {}, annotations = {} } = metadata;
  return {
    name: metadata.name,
    namespace: metadata.namespace!,
    uid: metadata.uid,
    contract: labels[LABEL.contract]!,
    revision: labels[LABEL.revision] ?? "",
    ready: (status?.conditions ?? []).some(({ type, status: is }) => type === "Ready" && is === "True"),
    restarts: status?.containerStatuses?.find(({ name }) => name === SERVER)?.restartCount ?? 0,
    digest: annotations[REGISTER.digest],
    tier: labels[LABEL.tier],
  };
}
