import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import type { Member } from "../src/fleet/members.js";
import type { RevisionSpec } from "../src/fleet/spec.js";
import { METRIC } from "../src/telemetry/metric-names.js";
import { SERVER } from "./containers.js";
import { deliveredBy } from "./delivered.js";
import { processors } from "./quantity.js";
import { revisionMetadata } from "./revision-metadata.js";

/** Whether a revision's number of pods is the autoscaler's to choose. */
export function scales({ replicas }: RevisionSpec): boolean {
  return replicas.min < replicas.max;
}

/** The HorizontalPodAutoscaler of a revision, where it has a choice. */
export function addAutoscaler(scope: Construct, member: Member, revision: RevisionSpec): void {
  if (!scales(revision)) return;
  const metadata = revisionMetadata(member, revision);
  const { min, max, inFlight } = revision.replicas;
  new k8s.KubeHorizontalPodAutoscalerV2(scope, `autoscaler-${metadata.name}`, {
    metadata,
    spec: {
      scaleTargetRef: { ...targetOf(member, revision), name: metadata.name },
      minReplicas: min,
      maxReplicas: max,
      metrics: [processorMetric(revision), ...(inFlight === undefined ? [] : [inFlightMetric(inFlight)])],
      behavior: BEHAVIOR,
    },
  });
}

/** With Argo Rollouts the pods are a Rollout's, which has taken the Deployment's template over. */
function targetOf({ contract }: Member, revision: RevisionSpec): { apiVersion: string; kind: string } {
  return deliveredBy(contract, revision) === "argo"
    ? { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout" }
    : { apiVersion: "apps/v1", kind: "Deployment" };
}

/**
 * Of the server's container alone: the sidecar's share says nothing of the model (Kubernetes 1.27). And as an amount, not
 * as a utilization: Kubernetes means per cent of what a pod asks for, the fleet file of what it may use.
 */
function processorMetric({ resources, replicas }: RevisionSpec): k8s.MetricSpecV2 {
  const averageValue = processors((resources.cpu * replicas.cpuUtilizationPercent) / 100);
  return {
    type: "ContainerResource",
    containerResource: { container: SERVER, name: "cpu", target: { type: "AverageValue", averageValue } },
  };
}

/** Served by an adapter such as prometheus-adapter. */
function inFlightMetric(inFlight: number): k8s.MetricSpecV2 {
  const averageValue = k8s.Quantity.fromString(String(inFlight));
  return {
    type: "Pods",
    pods: { metric: { name: METRIC.inFlight }, target: { type: "AverageValue", averageValue } },
  };
}

/** Up fast, as calls are shed meanwhile; down slowly, as each pod that goes takes a warm model with it. */
const BEHAVIOR: k8s.HorizontalPodAutoscalerBehaviorV2 = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Percent", value: 100, periodSeconds: 30 },
      { type: "Pods", value: 2, periodSeconds: 30 },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: 300,
    selectPolicy: "Max",
    policies: [
      { type: "Percent", value: 20, periodSeconds: 60 },
      { type: "Pods", value: 1, periodSeconds: 60 },
    ],
  },
};
