import type { Target } from "../apply-traffic.js";
import type { PodPort } from "../cluster.js";
import { ClusterError } from "../cluster-error.js";
import { listObjects } from "../cluster-objects.js";
import type { KubeObject } from "../kube-object.js";

/** Where a pod has metrics. */
export interface MetricsPort extends PodPort {
  readonly path: string;
  /** Unlike any other pod's. */
  readonly uid: string;
}

interface Pod extends KubeObject {
  readonly metadata: KubeObject["metadata"] & { readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec?: { readonly serviceAccountName?: string };
  readonly status?: { readonly phase?: string };
}

interface Policy extends KubeObject {
  readonly spec?: {
    readonly rules?: readonly {
      readonly from?: readonly { readonly source?: { readonly principals?: readonly string[] } }[];
    }[];
  };
}

/** Annotations by which pods say where their metrics are, as Prometheus' users have it. */
const SCRAPE = { wanted: "prometheus.io/scrape", port: "prometheus.io/port", path: "prometheus.io/path" } as const;

/** Service accounts that may call a contract, as `namespace/name`: who the mesh lets in. */
export async function callersOf(
  { cluster, resources }: Target,
  { namespace, contract }: { readonly namespace: string; readonly contract: string },
): Promise<string[]> {
  const kind = await resources.find({ apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" });
  if (kind === undefined) return [];
  const policies = await listObjects(cluster, kind, { namespace, selector: `flotilla.dev/contract=${contract}` });
  const principals = (policies as Policy[])
    .flatMap(({ spec }) => spec?.rules ?? [])
    .flatMap(({ from = [] }) => from.flatMap(({ source }) => source?.principals ?? []));
  const accounts = principals.map((principal) => /\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal));
  return [...new Set(accounts.flatMap((found) => (found === null ? [] : [`${found[1]}/${found[2]}`])))].sort();
}

/**
 * Pods of service accounts that say where their metrics are. Namespaces that may not be looked into are left out.
 * @param accounts as `namespace/name`
 */
export async function metricsPorts(
  { cluster, resources }: Target,
  accounts: readonly string[],
): Promise<MetricsPort[]> {
  const kind = (await resources.find({ apiVersion: "v1", kind: "Pod" }))!;
  const namespaces = [...new Set(accounts.map((account) => account.split("/")[0]!))];
  const found = await Promise.all(
    namespaces.map(async (namespace) => {
      try {
        return (await listObjects(cluster, kind, { namespace, selector: "" })) as Pod[];
      } catch (error) {
        if (error instanceof ClusterError && !error.unanswered) return [];
        throw error;
      }
    }),
  );
  const ofCallers = found.flat().filter(({ metadata, spec, status }) => {
    const account = `${metadata.namespace}/${spec?.serviceAccountName ?? "default"}`;
    return accounts.includes(account) && status?.phase === "Running" && metadata.deletionTimestamp === undefined;
  });
  return ofCallers.flatMap(toPort);
}

function toPort({ metadata }: Pod): MetricsPort[] {
  const { annotations = {}, name, namespace, uid } = metadata;
  const port = Number(annotations[SCRAPE.port]);
  if (annotations[SCRAPE.wanted] !== "true" || !Number.isInteger(port)) return [];
  return [{ namespace: namespace!, pod: name, port, path: annotations[SCRAPE.path] ?? "/metrics", uid }];
}
