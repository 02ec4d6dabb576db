import type { IPodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
import { fleetMetadata } from "../../mesh/metadata.js";
import { fleetLabels, LABEL } from "../../src/fleet/names.js";
import type { FleetSpec } from "../../src/fleet/spec.js";

type Relabeling = NonNullable<
  NonNullable<NonNullable<IPodMonitor["spec"]["podMetricsEndpoints"]>[number]["relabelings"]>[number]
>;

const PROXY_CONTAINER = "istio-proxy";
/** Where the sidecar serves the server's metrics joined with its own. */
const MERGED_PATH = "/stats/prometheus";
const SCRAPE_ANNOTATION = "__meta_kubernetes_pod_annotation_prometheus_io_scrape";
const PORT_ANNOTATION = "__meta_kubernetes_pod_annotation_prometheus_io_port";
const POD_ADDRESS = "__meta_kubernetes_pod_ip";

/**
 * Has the Prometheus operator scrape the fleet's pods. Labels `namespace`, `pod` and `container` come from the operator,
 * `contract` and `revision` from the server; no label of a pod is needed.
 * @see https://istio.io/latest/docs/ops/integrations/prometheus/#option-1-metrics-merging
 */
export function podMonitor(fleet: FleetSpec): IPodMonitor {
  const { [LABEL.partOf]: partOf, [LABEL.managedBy]: managedBy } = fleetLabels(fleet.name);
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: fleetMetadata(fleet),
    spec: {
      selector: {
        matchLabels: { [LABEL.partOf]: partOf!, [LABEL.managedBy]: managedBy! },
        matchExpressions: [{ key: LABEL.contract, operator: "Exists" }],
      },
      podMetricsEndpoints: [{ path: MERGED_PATH, relabelings: mergedEndpoint() }],
    },
  };
}

/** The port is none that a container declares: the injector wrote it into the pod's annotation. */
function mergedEndpoint(): Relabeling[] {
  return [
    { action: "keep", sourceLabels: ["__meta_kubernetes_pod_container_name"], regex: PROXY_CONTAINER },
    { action: "keep", sourceLabels: [SCRAPE_ANNOTATION], regex: "true" },
    address("(\\d+);([0-9.]+)", "$2:$1"),
    address("(\\d+);([0-9a-fA-F]*:[0-9a-fA-F:.]*)", "[$2]:$1"),
  ];
}

function address(regex: string, replacement: string): Relabeling {
  return {
    action: "replace",
    sourceLabels: [PORT_ANNOTATION, POD_ADDRESS],
    regex,
    replacement,
    targetLabel: "__address__",
  };
}
