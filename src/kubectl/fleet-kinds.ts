/** A kind of object that a fleet may be made of, and who defines it. */
export interface FleetKind {
  readonly apiVersion: string;
  readonly kind: string;
}

const KUBERNETES = "Kubernetes";
/** What has to be installed for a cluster to know the kinds of a group. */
const PROVIDERS: Readonly<Record<string, string>> = {
  "networking.istio.io": "Istio",
  "security.istio.io": "Istio",
  "telemetry.istio.io": "Istio",
  "monitoring.coreos.com": "the Prometheus operator",
  "gateway.networking.k8s.io": "the Gateway API",
  "argoproj.io": "Argo Rollouts",
  "flagger.app": "Flagger",
  "keda.sh": "KEDA",
};

/** Every kind that manifests may have in a fleet's namespace: where to look for what a fleet no longer has. */
export const FLEET_KINDS: readonly FleetKind[] = [
  ...kinds("v1", "ConfigMap", "Service", "ServiceAccount"),
  ...kinds("apps/v1", "Deployment"),
  ...kinds("autoscaling/v2", "HorizontalPodAutoscaler"),
  ...kinds("policy/v1", "PodDisruptionBudget"),
  ...kinds("networking.k8s.io/v1", "NetworkPolicy"),
  ...kinds("networking.istio.io/v1", "VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "Sidecar"),
  ...kinds("networking.istio.io/v1alpha3", "EnvoyFilter"),
  ...kinds("security.istio.io/v1", "AuthorizationPolicy", "PeerAuthentication"),
  ...kinds("telemetry.istio.io/v1", "Telemetry"),
  ...kinds("monitoring.coreos.com/v1", "PodMonitor", "ServiceMonitor", "PrometheusRule"),
  ...kinds("gateway.networking.k8s.io/v1", "Gateway", "GRPCRoute"),
  ...kinds("argoproj.io/v1alpha1", "AnalysisTemplate", "Rollout"),
  ...kinds("flagger.app/v1beta1", "Canary", "MetricTemplate"),
  ...kinds("keda.sh/v1alpha1", "ScaledObject"),
];

function kinds(apiVersion: string, ...names: readonly string[]): FleetKind[] {
  return names.map((kind) => ({ apiVersion, kind }));
}

/** Who defines the kinds of an API version: `Istio`. */
export function providerOf(apiVersion: string): string {
  return PROVIDERS[apiVersion.split("/")[0]!] ?? KUBERNETES;
}
