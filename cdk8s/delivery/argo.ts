import type { IAnalysisTemplate } from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/AnalysisTemplate";
import type { ICanaryStep } from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/CanaryStep";
import type { IIstioTrafficRouting } from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/IstioTrafficRouting";
import type { IMetric } from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/Metric";
import type { IRollout } from "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/Rollout";
import { toDuration } from "../../mesh/duration.js";
import { contractMetadata } from "../../mesh/metadata.js";
import { ingressClasses, methodClasses } from "../../mesh/method-class.js";
import { weightedRouteNames } from "../../mesh/routes.js";
import { ROLLOUT_SUBSETS } from "../../mesh/subset.js";
import { ingressName } from "../../mesh/virtual-service.js";
import type { Member } from "../../src/fleet/members.js";
import { serviceName } from "../../src/fleet/names.js";
import type { DeliverySpec } from "../../src/fleet/spec.js";
import { scales } from "../autoscaler.js";
import { PROGRESS_LIMIT_SECONDS, SETTLE_SECONDS } from "../deployment.js";
import { type Criterion, criteria } from "./judgement.js";
import { deliveredName, deliveredRevision } from "./target.js";

/** The analysis' argument with the hash that is part of the new pods' names. */
const POD_HASH = "pod-hash";
/** A step is judged so often; one bad measurement may be chance, as long as there have been few calls. */
const MEASUREMENTS = 4;
const BAD_MEASUREMENTS = 1;
const KEPT_STATES = 3;

/**
 * Rolls a change of the contract's Deployment out step by step, by Argo Rollouts. The Deployment is a template alone: its
 * pods are the Rollout's.
 * @see https://argo-rollouts.readthedocs.io/en/stable/features/traffic-management/istio/
 */
export function rollout(member: Member, delivery: DeliverySpec): IRollout {
  const name = deliveredName(member);
  const revision = deliveredRevision(member);
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: contractMetadata(member, name),
    spec: {
      // The autoscaler's to say otherwise: each `kubectl apply` would set it again.
      ...(!scales(revision) && { replicas: revision.replicas.min }),
      revisionHistoryLimit: KEPT_STATES,
      minReadySeconds: SETTLE_SECONDS,
      // Pods that never get ready are taken back without anybody's help.
      progressDeadlineSeconds: PROGRESS_LIMIT_SECONDS,
      progressDeadlineAbort: true,
      workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name, scaleDown: "onsuccess" },
      strategy: {
        // The old state keeps all its pods to the end, so that going back is a change of weights alone.
        canary: { trafficRouting: { istio: trafficRouting(member) }, steps: steps(member, delivery) },
      },
    },
  };
}

/** What a step is judged by: the contract's promises, asked of the new pods alone. */
export function analysisTemplate(member: Member, delivery: DeliverySpec): IAnalysisTemplate {
  const name = deliveredName(member);
  const address = member.fleet.telemetry.prometheusAddress!;
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: contractMetadata(member, name),
    spec: {
      args: [{ name: POD_HASH }],
      metrics: criteria(member, `${name}-{{args.${POD_HASH}}}-.+`).map((criterion) =>
        metric(criterion, { address, intervalMs: delivery.intervalMs }),
      ),
    },
  };
}

/** A step lasts as long as its analysis, which gives up at once where the new state is bad. */
function steps(member: Member, { stepsPercent }: DeliverySpec): ICanaryStep[] {
  const analysis = {
    templates: [{ templateName: deliveredName(member) }],
    args: [{ name: POD_HASH, valueFrom: { podTemplateHashValue: "Latest" as const } }],
  };
  return stepsPercent.flatMap((setWeight) => [{ setWeight }, { analysis }]);
}

/** Neither a success nor a failure where there were no calls: without a single judgement the roll-out waits for a person. */
function metric({ name, query, limit }: Criterion, of: { address: string; intervalMs: number }): IMetric {
  const interval = toDuration(of.intervalMs / MEASUREMENTS);
  return {
    name,
    initialDelay: interval,
    interval,
    count: MEASUREMENTS,
    failureLimit: BAD_MEASUREMENTS,
    inconclusiveLimit: MEASUREMENTS - 1,
    successCondition: `len(result) > 0 && result[0] <= ${limit}`,
    failureCondition: `len(result) > 0 && result[0] > ${limit}`,
    provider: { prometheus: { address: of.address, query } },
  };
}

function trafficRouting(member: Member): IIstioTrafficRouting {
  const name = serviceName(member.contract.name);
  return {
    virtualServices: [{ name, routes: weightedRouteNames(methodClasses(member)) }, ...ingressRoutes(member)],
    destinationRule: {
      name,
      stableSubsetName: ROLLOUT_SUBSETS.stable,
      canarySubsetName: ROLLOUT_SUBSETS.canary,
    },
  };
}

/** Callers outside the mesh come by Istio's gateway in the same shares; by the Gateway API's, in shares of the pods. */
function ingressRoutes(member: Member): { name: string; routes: string[] }[] {
  const { fleet, contract } = member;
  const routes = weightedRouteNames(ingressClasses(member));
  if (!contract.ingress || fleet.ingress?.via !== "istio" || routes.length === 0) return [];
  return [{ name: ingressName(contract.name), routes }];
}
