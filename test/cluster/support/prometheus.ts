import { contractMonitoring } from "../../../cdk8s/monitoring/contract-monitoring.js";
import { PORT } from "../../../src/fleet/names.js";
import { get, kubectl } from "./kubectl.js";
import { LIVE, liveMembers, MONITORING } from "./live-fleet.js";
import { onDemand } from "./stage.js";
import { serviceFor, workload } from "./workload.js";

/** Another may be named, for clusters that reach no registry: test/cluster/images/prometheus. */
const IMAGE = process.env.FLOTILLA_TEST_PROMETHEUS ?? "docker.io/prom/prometheus:v3.11.2";
const NAME = "prometheus";
const HTTP_PORT = 9090;
/** Where its sidecar puts the certificate of its identity, for it to show. */
const CERTIFICATES = "/etc/istio-certs";

/** A series' newest value. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly name: string; readonly lastError?: string }[] }[];
}

/** Puts a Prometheus on the cluster that scrapes the live fleet and has its alerts. */
export const raisePrometheus = onDemand(async () => ({
  namespaces: [MONITORING],
  objects: [await settings(), ...server()],
  callers: [],
}));

/** The series that a query gives now. @throws Error with what Prometheus says of it */
export async function query(expr: string): Promise<readonly Sample[]> {
  return (await ask<{ result: Sample[] }>(`query?${new URLSearchParams({ query: expr })}`)).result;
}

/** The names of the alerts that it evaluates. @throws Error where it can't evaluate one */
export async function evaluatedAlerts(): Promise<string[]> {
  const rules = (await ask<Rules>("rules")).groups.flatMap((group) => group.rules);
  for (const { name, lastError } of rules) if (lastError) throw new Error(`${name}: ${lastError}`);
  return rules.map(({ name }) => name);
}

async function ask<Data>(what: string): Promise<Data> {
  const path = `/api/v1/namespaces/${MONITORING}/services/${NAME}:${HTTP_PORT}/proxy/api/v1/${what}`;
  return JSON.parse(await kubectl(["get", "--raw", path])).data;
}

interface Pod {
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> };
  readonly status: { readonly podIP: string };
}

/** Debian's Prometheus can't ask the API server for pods: the tests do, and give it what its own discovery would. */
async function settings(): Promise<object> {
  const files = (await liveMembers(LIVE)).flatMap((member) => contractMonitoring(member)) as { data?: object }[];
  const { items } = await get<{ items: Pod[] }>(["pods", "-n", LIVE, "--field-selector=status.phase=Running"]);
  const data = { "prometheus.yml": JSON.stringify(configOf(items)) };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: NAME, namespace: MONITORING },
    data: Object.assign(data, ...files.map((file) => file.data)),
  };
}

/**
 * The pods' metrics as their annotations say, joined with the sidecars'. And the servers' own port: in mutual TLS, as the
 * mesh asks for, and without, as it must not be. What these two give has no `namespace`, so that no query counts it.
 */
function configOf(pods: readonly Pod[]): object {
  const annotated = pods.map(({ metadata: { name, annotations }, status }) => ({
    targets: [`${status.podIP}:${annotations["prometheus.io/port"]}`],
    labels: { namespace: LIVE, pod: name, __metrics_path__: annotations["prometheus.io/path"] },
  }));
  const direct = pods.map(({ metadata: { name }, status }) => ({
    targets: [`${status.podIP}:${PORT.metrics}`],
    labels: { pod: name },
  }));
  return {
    global: { scrape_interval: "2s", scrape_timeout: "2s", evaluation_interval: "2s" },
    rule_files: ["*.rules.yaml"],
    scrape_configs: [
      { job_name: "annotations", static_configs: annotated },
      {
        job_name: "mutual-tls",
        static_configs: direct,
        scheme: "https",
        // The proxy would agree to HTTP/2, which the server behind it does not speak on this port.
        enable_http2: false,
        // The server's certificate names an identity, not a host.
        tls_config: {
          cert_file: `${CERTIFICATES}/cert-chain.pem`,
          key_file: `${CERTIFICATES}/key.pem`,
          ca_file: `${CERTIFICATES}/root-cert.pem`,
          insecure_skip_verify: true,
        },
      },
      { job_name: "plaintext", static_configs: direct },
    ],
  };
}

/** @see https://istio.io/latest/docs/ops/integrations/prometheus/#tls-settings */
function server(): object[] {
  const flags = ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/data"];
  return [
    ...workload({
      namespace: MONITORING,
      name: NAME,
      container: {
        image: IMAGE,
        args: [...flags, `--web.listen-address=0.0.0.0:${HTTP_PORT}`],
        volumeMounts: [
          { name: "settings", mountPath: "/etc/prometheus" },
          { name: "data", mountPath: "/data" },
          { name: "certificates", mountPath: CERTIFICATES },
        ],
        readinessProbe: { httpGet: { path: "/-/ready", port: HTTP_PORT }, periodSeconds: 1 },
      },
      volumes: [
        { name: "settings", configMap: { name: NAME } },
        { name: "data", emptyDir: {} },
        { name: "certificates", emptyDir: { medium: "Memory" } },
      ],
      annotations: {
        "traffic.sidecar.istio.io/includeInboundPorts": "",
        "traffic.sidecar.istio.io/includeOutboundIPRanges": "",
        "proxy.istio.io/config": JSON.stringify({ proxyMetadata: { OUTPUT_CERTS: CERTIFICATES } }),
        "sidecar.istio.io/userVolumeMount": JSON.stringify([{ name: "certificates", mountPath: CERTIFICATES }]),
      },
    }),
    serviceFor({ namespace: MONITORING, name: NAME }, { name: "http-web", port: HTTP_PORT }),
  ];
}
