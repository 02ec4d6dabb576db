import { CODE_NAMES } from "../../contract/grpc-codes.js";
import { serviceName } from "../../fleet/names.js";
import { METRIC } from "../../telemetry/metric-names.js";
import type { Cluster } from "../cluster.js";
import { type ContractFigures, type Figures, joinFigures, NO_CALLS } from "./figures.js";
import { queryPrometheus, type Series } from "./prometheus-query.js";
import type { MetricsSource, MetricsWindow, Watched } from "./source.js";

/** Whose metrics count the calls: the servers', or those of the callers' proxies. */
export type CountedBy = "servers" | "mesh";

/** Where a Prometheus is, and what it is asked for. */
export interface PrometheusOptions {
  readonly cluster: Cluster;
  /** `https://prometheus.example.com`, or the Service `monitoring/prometheus:9090`, which is asked through the API server. */
  readonly address: string;
  readonly countedBy: CountedBy;
}

/** Calls by code, and their times. */
interface Queries {
  readonly codes: string;
  readonly times: string;
  /** Of one series of `codes`. */
  readonly codeOf: (labels: Series["metric"]) => string;
  /** Seconds that a bound of `times` counts in. */
  readonly unit: number;
}

/** A growth over less than two scrapes is nothing at all. */
const SHORTEST_WINDOW_S = 60;

/** From a Prometheus. Its windows are a minute or longer, whatever happened in them before they began. */
export function prometheusMetrics(options: PrometheusOptions): MetricsSource {
  return {
    name: `Prometheus at ${options.address}`,
    open: async (watched) => new PrometheusWindow(options, watched),
  };
}

class PrometheusWindow implements MetricsWindow {
  readonly #beganMs = Date.now();

  constructor(
    readonly options: PrometheusOptions,
    readonly watched: Watched,
  ) {}

  async read(contract: string): Promise<ContractFigures> {
    const { cluster, address, countedBy } = this.options;
    const seconds = Math.max(SHORTEST_WINDOW_S, Math.ceil((Date.now() - this.#beganMs) / 1e3));
    const of = { namespace: this.watched.namespace, contract, window: `${seconds}s` };
    const queries = countedBy === "servers" ? serverQueries(of) : meshQueries(of);
    const [codes, times] = await Promise.all(
      [queries.codes, queries.times].map((query) => queryPrometheus(cluster, address, query)),
    );
    return { seconds, revisions: toRevisions(queries, codes!, times!) };
  }
}

interface Of {
  readonly namespace: string;
  readonly contract: string;
  readonly window: string;
}

function serverQueries({ namespace, contract, window }: Of): Queries {
  const matchers = `{namespace=${JSON.stringify(namespace)}, contract=${JSON.stringify(contract)}}`;
  return {
    codes: `sum by (revision, code) (increase(${METRIC.requests}${matchers}[${window}]))`,
    times: `sum by (revision, le) (increase(${METRIC.duration}_bucket${matchers}[${window}]))`,
    codeOf: ({ code = "UNKNOWN" }) => code,
    unit: 1,
  };
}

/** What callers' proxies saw, failures that never reached a server among it. To Istio a revision is a version. */
function meshQueries({ namespace, contract, window }: Of): Queries {
  const matchers = [
    'reporter="source"',
    `destination_service_name=${JSON.stringify(serviceName(contract))}`,
    `destination_service_namespace=${JSON.stringify(namespace)}`,
  ].join(", ");
  const grown = (metric: string, label: string) =>
    `label_replace(sum by (destination_version, ${label}) (increase(${metric}{${matchers}}[${window}])), ` +
    '"revision", "$1", "destination_version", "(.*)")';
  return {
    codes: grown("istio_requests_total", "grpc_response_status"),
    times: grown("istio_request_duration_milliseconds_bucket", "le"),
    // A call that got no answer at all has no gRPC status.
    codeOf: ({ grpc_response_status: code }) => (code ? (CODE_NAMES[Number(code)] ?? "UNKNOWN") : "UNAVAILABLE"),
    unit: 1e-3,
  };
}

function toRevisions({ codeOf, unit }: Queries, codes: readonly Series[], times: readonly Series[]) {
  const revisions = new Map<string, Figures>();
  const add = ({ revision = "" }: Series["metric"], figures: Figures) => {
    revisions.set(revision, joinFigures(revisions.get(revision) ?? NO_CALLS, figures));
  };
  for (const { metric, value } of codes) add(metric, { ...NO_CALLS, codes: new Map([[codeOf(metric), value]]) });
  for (const { metric, value } of times) {
    const bound = metric.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(metric.le) * unit;
    add(metric, { ...NO_CALLS, times: new Map([[bound, value]]) });
  }
  return revisions;
}
