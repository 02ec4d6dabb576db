import type { Cluster } from "./cluster.js";
import { ClusterError } from "./cluster-error.js";

/** How the API server names a kind in its paths. */
export interface ApiResource {
  readonly apiVersion: string;
  readonly kind: string;
  /** `virtualservices`. */
  readonly plural: string;
  readonly namespaced: boolean;
}

/** The body of `/apis/<group>/<version>`, as far as it is looked at. */
interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** What a cluster knows of each kind; each group's version is asked for once. */
export class ApiResources {
  readonly #cluster: Cluster;
  readonly #known = new Map<string, Promise<ApiResource[]>>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** @returns undefined where the cluster does not know the kind */
  async find({ apiVersion, kind }: { apiVersion: string; kind: string }): Promise<ApiResource | undefined> {
    return (await this.#kindsOf(apiVersion)).find((resource) => resource.kind === kind);
  }

  /** Begins to ask for what will be looked for. */
  expect(apiVersions: readonly string[]): void {
    // Whoever looks for one of its kinds hears of a failure.
    for (const apiVersion of apiVersions) this.#kindsOf(apiVersion).catch(() => undefined);
  }

  #kindsOf(apiVersion: string): Promise<ApiResource[]> {
    let known = this.#known.get(apiVersion);
    if (known === undefined) {
      known = this.#discover(apiVersion);
      this.#known.set(apiVersion, known);
    }
    return known;
  }

  async #discover(apiVersion: string): Promise<ApiResource[]> {
    const path = `${rootOf(apiVersion)}`;
    const { status, body } = await this.#cluster.request({ method: "GET", path });
    if (status === 404) return [];
    if (status === 401) {
      throw new ClusterError(
        `context ${this.#cluster.context}: the cluster does not take its credentials; log in again`,
      );
    }
    if (status !== 200) throw new ClusterError(`GET ${path}: the cluster answered ${status}`);
    const { resources = [] } = body as ResourceList;
    // A name with a slash is a part of a kind, such as its status.
    const whole = resources.filter(({ name }) => !name.includes("/"));
    return whole.map(({ name, kind, namespaced }) => ({ apiVersion, kind, plural: name, namespaced }));
  }
}

/** Path of a kind's objects, of one of them, or of those in all namespaces. */
export function resourcePath(resource: ApiResource, of: { namespace?: string | undefined; name?: string }): string {
  const within = resource.namespaced && of.namespace !== undefined ? `/namespaces/${of.namespace}` : "";
  const one = of.name === undefined ? "" : `/${encodeURIComponent(of.name)}`;
  return `${rootOf(resource.apiVersion)}${within}/${resource.plural}${one}`;
}

/** A kind as `kubectl` and roles name it: `virtualservices.networking.istio.io`. */
export function qualifiedPlural({ apiVersion, plural }: ApiResource): string {
  return apiVersion.includes("/") ? `${plural}.${apiVersion.split("/")[0]}` : plural;
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
