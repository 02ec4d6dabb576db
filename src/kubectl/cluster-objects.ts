import { type ApiResource, qualifiedPlural, resourcePath } from "./api-resources.js";
import type { Cluster, ClusterResponse } from "./cluster.js";
import { ClusterError } from "./cluster-error.js";
import { type KubeObject, objectName } from "./kube-object.js";

/** Objects of one answer to a list. */
const PAGE = 500;
/** The name under which `kubectl apply --server-side` owns fields. */
export const FIELD_MANAGER = "kubectl";

/** The body of an answer that is an error. */
interface Status {
  readonly message?: string;
}

interface ObjectList {
  readonly items: readonly Omit<KubeObject, "apiVersion" | "kind">[];
  readonly metadata: { readonly continue?: string };
}

/**
 * An object as it is; undefined where there is none.
 * @throws ClusterError
 */
export async function readObject(
  cluster: Cluster,
  resource: ApiResource,
  { metadata: { name, namespace } }: KubeObject,
): Promise<KubeObject | undefined> {
  const response = await cluster.request({ method: "GET", path: resourcePath(resource, { name, namespace }) });
  if (response.status === 404) return undefined;
  if (response.status === 200) return response.body as KubeObject;
  throw refused(response, { verb: "get", resource, what: `${resource.kind} ${name}`, namespace });
}

/**
 * The objects of one kind that carry some labels.
 * @param of without a namespace those of all
 * @throws ClusterError
 */
export async function listObjects(
  cluster: Cluster,
  resource: ApiResource,
  of: { readonly namespace: string | undefined; readonly selector: string },
): Promise<KubeObject[]> {
  const { apiVersion, kind } = resource;
  const path = resourcePath(resource, of);
  const found: KubeObject[] = [];
  let page: string | undefined = "";
  while (page !== undefined) {
    const query = { labelSelector: of.selector, limit: String(PAGE), ...(page !== "" && { continue: page }) };
    const response = await cluster.request({ method: "GET", path, query });
    if (response.status !== 200) {
      throw refused(response, { verb: "list", resource, what: qualifiedPlural(resource), namespace: of.namespace });
    }
    const { items, metadata } = response.body as ObjectList;
    // A list does not repeat the kind in its items.
    found.push(...items.map((item) => ({ ...item, apiVersion, kind })));
    page = metadata.continue || undefined;
  }
  return found;
}

/**
 * What an object would be after `kubectl apply --server-side --force-conflicts`, defaults and webhooks included. Nothing
 * is changed.
 * @throws ClusterError, also where the cluster would refuse the object
 */
export async function dryRunApply(cluster: Cluster, resource: ApiResource, object: KubeObject): Promise<KubeObject> {
  const { name, namespace } = object.metadata;
  const response = await cluster.request({
    method: "PATCH",
    path: resourcePath(resource, { name, namespace }),
    query: { fieldManager: FIELD_MANAGER, force: "true", dryRun: "All" },
    body: object,
    contentType: "application/apply-patch+yaml",
  });
  if (response.status === 200 || response.status === 201) return response.body as KubeObject;
  throw refused(response, { verb: "patch", resource, what: objectName(object), namespace });
}

/** An apply of some fields of an object that is there already. */
export interface FieldsApply {
  /** Who owns the fields from then on; others who applied them lose them. */
  readonly fieldManager: string;
  readonly dryRun: boolean;
}

/**
 * Applies fields of an object, as long as it is still the version that they were made for.
 * @param object with the version in its metadata
 * @throws ClusterError; `conflict` where somebody changed the object meanwhile
 */
export async function applyFields(
  cluster: Cluster,
  resource: ApiResource,
  object: KubeObject,
  { fieldManager, dryRun }: FieldsApply,
): Promise<KubeObject> {
  const { name, namespace } = object.metadata;
  const response = await cluster.request({
    method: "PATCH",
    path: resourcePath(resource, { name, namespace }),
    query: { fieldManager, force: "true", ...(dryRun && { dryRun: "All" }) },
    body: object,
    contentType: "application/apply-patch+yaml",
  });
  if (response.status === 200) return response.body as KubeObject;
  throw refused(response, { verb: "patch", resource, what: objectName(object), namespace });
}

/**
 * Creates an object.
 * @throws ClusterError, also where there is one of that name
 */
export async function createObject(cluster: Cluster, resource: ApiResource, object: KubeObject): Promise<KubeObject> {
  const { namespace } = object.metadata;
  const response = await cluster.request({ method: "POST", path: resourcePath(resource, { namespace }), body: object });
  if (response.status === 201 || response.status === 200) return response.body as KubeObject;
  throw refused(response, { verb: "create", resource, what: objectName(object), namespace });
}

function refused(
  { status, body }: ClusterResponse,
  request: { verb: string; resource: ApiResource; what: string; namespace: string | undefined },
): ClusterError {
  const { resource, what, namespace } = request;
  const { message = `the cluster answered ${status}` } = body as Status;
  if (status !== 403) {
    const failing = status >= 500 || status === 429;
    return new ClusterError(`${request.verb} ${what}: ${message}`, { conflict: status === 409, failing });
  }
  // An apply of what is not there yet asks for the right to create it, which only the message tells.
  const verb = /cannot (\w+) resource/.exec(message)?.[1] ?? request.verb;
  const within = resource.namespaced && namespace !== undefined ? ` -n ${namespace}` : "";
  const question = `kubectl auth can-i ${verb} ${qualifiedPlural(resource)}${within}`;
  return new ClusterError(`${verb} ${what}: you may not; ask for the right that \`${question}\` looks for: ${message}`);
}
