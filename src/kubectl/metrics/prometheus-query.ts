import type { Cluster } from "../cluster.js";
import { ClusterError } from "../cluster-error.js";

/** One series of an answer, and its value now. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Answer {
  readonly status?: "success" | "error";
  readonly error?: string;
  readonly data?: {
    readonly result: readonly { readonly metric: Series["metric"]; readonly value: [number, string] }[];
  };
}

const LIMIT_MS = 15_000;
const PATH = "/api/v1/query";

/**
 * Asks a Prometheus for the value of an expression now.
 * @param address a URL, or a Service as `namespace/name:port`, which is asked through the API server
 * @throws ClusterError
 */
export async function queryPrometheus(cluster: Cluster, address: string, query: string): Promise<Series[]> {
  const answer = await (address.includes("://") ? askUrl(address, query) : askService(cluster, address, query));
  if (answer.status === "success") {
    return (answer.data?.result ?? []).map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }
  throw new ClusterError(`Prometheus at ${address}: ${answer.error ?? "it answered what no Prometheus does"}`);
}

async function askUrl(address: string, query: string): Promise<Answer> {
  const url = new URL(`${address.replace(/\/+$/, "")}${PATH}`);
  url.searchParams.set("query", query);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
    return (await response.json()) as Answer;
  } catch (error) {
    const { message, cause } = error as Error;
    throw new ClusterError(`Prometheus at ${address}: ${(cause as Error | undefined)?.message ?? message}`);
  }
}

async function askService(cluster: Cluster, address: string, query: string): Promise<Answer> {
  const [namespace, service] = address.split("/");
  const path = `/api/v1/namespaces/${namespace}/services/${service}/proxy${PATH}`;
  const { status, body } = await cluster.request({ method: "GET", path, query: { query } });
  if (status === 200) return body as Answer;
  const { message = `HTTP ${status}` } = body as { readonly message?: string };
  if (status !== 403) return { error: message };
  const question = `kubectl auth can-i get services/proxy -n ${namespace}`;
  return { error: `you may not; ask for the right that \`${question}\` looks for: ${message}` };
}
