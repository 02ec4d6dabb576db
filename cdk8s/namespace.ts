import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import { fleetLabels } from "../src/fleet/names.js";
import type { FleetSpec } from "../src/fleet/spec.js";

const POD_SECURITY = "pod-security.kubernetes.io";

/** The fleet's namespace: Istio puts a sidecar into each of its pods, and pods are held to the standard `restricted`. */
export function addNamespace(scope: Construct, fleet: FleetSpec): void {
  new k8s.KubeNamespace(scope, "namespace", {
    metadata: {
      name: fleet.namespace,
      labels: {
        ...fleetLabels(fleet.name),
        "istio-injection": "enabled",
        [`${POD_SECURITY}/audit`]: "restricted",
        [`${POD_SECURITY}/warn`]: "restricted",
        ...enforced(fleet),
      },
    },
  });
}

/**
 * Without Istio's CNI plugin each pod gets an init container that redirects its traffic and needs NET_ADMIN for it, which
 * every standard but `privileged` forbids. Then nothing is said, so that the cluster's own default holds.
 */
function enforced({ mesh }: FleetSpec): Record<string, string> {
  return mesh.cni ? { [`${POD_SECURITY}/enforce`]: "restricted" } : {};
}
