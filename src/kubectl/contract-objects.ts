import { LABEL } from "../fleet/names.js";
import { type ApiResource, type ApiResources, qualifiedPlural } from "./api-resources.js";
import type { Cluster } from "./cluster.js";
import { ClusterError } from "./cluster-error.js";
import { listObjects, readObject } from "./cluster-objects.js";
import type { KubeObject } from "./kube-object.js";
import { type DestinationRule, SubsetIndex } from "./subset-index.js";
import { routedContract } from "./traffic-view.js";
import { isWeighted, type VirtualService } from "./virtual-service.js";

/** The objects that say where a contract's calls go. */
export interface ContractObjects {
  readonly contract: string;
  readonly namespace: string;
  readonly service: VirtualService;
  readonly subsets: SubsetIndex;
  /** VirtualServices that lead to the contract from the ingress. */
  readonly ingress: readonly VirtualService[];
}

/** Where to look. */
export interface Scope {
  /** Undefined: in all namespaces. */
  readonly namespace: string | undefined;
  readonly contract?: string | undefined;
}

const ISTIO = "networking.istio.io/v1";
const MADE_BY_FLOTILLA = `${LABEL.managedBy}=flotilla`;

/**
 * The contracts on a cluster, by name.
 * @throws ClusterError where Istio is missing, or something may not be read
 */
export async function listContracts(
  cluster: Cluster,
  resources: ApiResources,
  scope: Scope,
): Promise<ContractObjects[]> {
  const of = { namespace: scope.namespace, selector: selectorOf(scope.contract) };
  const [services, rules] = await Promise.all(
    ["VirtualService", "DestinationRule"].map(async (kind) => {
      return listObjects(cluster, await istioKind(cluster, resources, kind), of);
    }),
  );
  const found = (services as VirtualService[]).filter((service) => routedContract(service) !== undefined);
  return found
    .map((service) => toContract(service, services as VirtualService[], rules as DestinationRule[]))
    .sort((one, other) => (one.contract < other.contract ? -1 : 1));
}

/**
 * One contract.
 * @throws ClusterError where there is none, saying where there is one
 */
export async function findContract(
  cluster: Cluster,
  resources: ApiResources,
  { contract, namespace }: { contract: string; namespace: string },
): Promise<ContractObjects> {
  const [found] = await listContracts(cluster, resources, { namespace, contract });
  if (found === undefined) throw await noContract(cluster, resources, { contract, namespace });
  refuseEngine(found);
  return found;
}

/** The object as it is now. */
export async function readAgain(
  cluster: Cluster,
  resources: ApiResources,
  service: KubeObject,
): Promise<VirtualService> {
  const resource = await istioKind(cluster, resources, service.kind);
  const found = await readObject(cluster, resource, service);
  if (found !== undefined) return found as VirtualService;
  const { name, namespace } = service.metadata;
  throw new ClusterError(`get VirtualService ${namespace}/${name}: it is gone`);
}

/** @throws ClusterError where the cluster has no Istio */
export async function istioKind(cluster: Cluster, resources: ApiResources, kind: string): Promise<ApiResource> {
  const resource = await resources.find({ apiVersion: ISTIO, kind });
  if (resource !== undefined) return resource;
  throw new ClusterError(
    `context ${cluster.context}: the cluster knows no ${kind} of ${ISTIO}; install Istio 1.24 or newer`,
  );
}

function selectorOf(contract: string | undefined): string {
  return contract === undefined
    ? `${MADE_BY_FLOTILLA},${LABEL.contract}`
    : `${MADE_BY_FLOTILLA},${LABEL.contract}=${contract}`;
}

function toContract(
  service: VirtualService,
  services: readonly VirtualService[],
  rules: readonly DestinationRule[],
): ContractObjects {
  const contract = routedContract(service)!;
  const { namespace } = service.metadata;
  const ofContract = (object: KubeObject) => {
    return object.metadata.namespace === namespace && object.metadata.labels?.[LABEL.contract] === contract;
  };
  const rule = rules.find((one) => ofContract(one) && one.metadata.name === service.metadata.name);
  if (rule === undefined) {
    throw new ClusterError(
      `get DestinationRule ${namespace}/${service.metadata.name}: there is none, and without it no revision has a name in ` +
        "the mesh; apply the fleet's manifests",
    );
  }
  const ingress = services.filter((one) => one !== service && ofContract(one));
  return { contract, namespace: namespace!, service, subsets: new SubsetIndex(rule), ingress };
}

async function noContract(
  cluster: Cluster,
  resources: ApiResources,
  { contract, namespace }: { contract: string; namespace: string },
): Promise<ClusterError> {
  const what = `no contract ${contract} in namespace ${namespace}`;
  try {
    const everywhere = await listContracts(cluster, resources, { namespace: undefined });
    const elsewhere = everywhere.filter((one) => one.contract === contract).map((one) => one.namespace);
    if (elsewhere.length > 0)
      return new ClusterError(`${what}; there is one in ${elsewhere.join(", ")}: add -n ${elsewhere[0]}`);
    const known = everywhere.map((one) => `${one.contract} in ${one.namespace}`).join(", ");
    return new ClusterError(`${what}; the cluster has ${known || "none at all: apply the fleet's manifests first"}`);
  } catch (error) {
    // Who works in one namespace may not be allowed to look into others.
    if (!(error instanceof ClusterError) || error.unanswered) throw error;
    const list = `kubectl get ${qualifiedPlural(await istioKind(cluster, resources, "VirtualService"))} -n ${namespace}`;
    return new ClusterError(`${what}; \`${list}\` lists what is there, -n chooses another namespace`);
  }
}

/** Two who shift the same weights would go against each other. */
function refuseEngine({ contract, service, subsets }: ContractObjects): void {
  const weighted = (service.spec?.http ?? []).filter(isWeighted);
  const strange = weighted
    .flatMap(({ route = [] }) => route)
    .some(({ destination }) => {
      return !subsets.revisions.includes(subsets.revisionOf(destination?.subset));
    });
  if (!strange) return;
  throw new ClusterError(
    `${contract} is delivered by Argo Rollouts; use \`kubectl argo rollouts\`, or take \`delivery\` out of the fleet file`,
  );
}
