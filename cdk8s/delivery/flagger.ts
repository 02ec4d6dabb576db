import { toDuration } from "../../mesh/duration.js";
import { contractMetadata } from "../../mesh/metadata.js";
import { methodClasses } from "../../mesh/method-class.js";
import { methodPath } from "../../mesh/method-paths.js";
import { retryPolicy } from "../../mesh/retry-policy.js";
import { trafficPolicy } from "../../mesh/traffic-policy.js";
import type { Member } from "../../src/fleet/members.js";
import { contractLabels, PORT, serviceName } from "../../src/fleet/names.js";
import type { ContractSpec, DeliverySpec } from "../../src/fleet/spec.js";
import { scales } from "../autoscaler.js";
import { PROGRESS_LIMIT_SECONDS } from "../deployment.js";
import type { Canary, CanaryService, CanaryTrafficPolicy, MetricTemplate } from "./flagger-types.js";
import { type Criterion, criteria } from "./judgement.js";
import { deliveredName, deliveredRevision } from "./target.js";

/** The first check after the first calls may come before Prometheus has seen any. */
const FAILED_CHECKS = 3;

/**
 * Rolls a change of the contract's Deployment out step by step, by Flagger. It makes the contract's Service, VirtualService
 * and DestinationRules, and copies of the Deployment and its autoscaler that end in `-primary`, which have the traffic.
 * @see https://docs.flagger.app/usage/how-it-works
 */
export function canary(member: Member, delivery: DeliverySpec): Canary {
  const name = deliveredName(member);
  const autoscaler = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", name };
  return {
    apiVersion: "flagger.app/v1beta1",
    kind: "Canary",
    metadata: contractMetadata(member, name),
    spec: {
      provider: "istio",
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      ...(scales(deliveredRevision(member)) && { autoscalerRef: autoscaler }),
      progressDeadlineSeconds: PROGRESS_LIMIT_SECONDS,
      service: service(member),
      analysis: {
        interval: toDuration(delivery.intervalMs),
        threshold: FAILED_CHECKS,
        stepWeights: delivery.stepsPercent,
        metrics: canaryCriteria(member).map((criterion) => ({
          name: criterion.name,
          templateRef: { name: templateName(member, criterion) },
          thresholdRange: { max: criterion.limit },
        })),
      },
    },
  };
}

/** What the new state is measured by. Flagger's own success rate looks at HTTP's status, which is 200 for every failure. */
export function metricTemplates(member: Member): MetricTemplate[] {
  const address = member.fleet.telemetry.prometheusAddress!;
  return canaryCriteria(member).map((criterion) => ({
    apiVersion: "flagger.app/v1beta1",
    kind: "MetricTemplate",
    metadata: contractMetadata(member, templateName(member, criterion)),
    spec: { provider: { type: "prometheus", address }, query: criterion.query },
  }));
}

/** The Deployment's own pods: its name and two words. Those of the copy have `-primary` between them. */
function canaryCriteria(member: Member): Criterion[] {
  return criteria(member, `${deliveredName(member)}-[a-z0-9]+-[a-z0-9]+`);
}

function templateName(member: Member, { name }: Criterion): string {
  return `${deliveredName(member)}-${name}`;
}

function service(member: Member): CanaryService {
  const { fleet, contract } = member;
  return {
    name: serviceName(contract.name),
    port: PORT.grpc,
    targetPort: PORT.grpc,
    portName: "grpc",
    appProtocol: "grpc",
    timeout: toDuration(longestTimeoutMs(member)),
    retries: retries(member),
    trafficPolicy: canaryTrafficPolicy(contract),
    apex: { labels: contractLabels(fleet.name, contract.name) },
  };
}

/** Flagger has one route for all methods: it may cut none of them short. Callers' own deadlines hold all the same. */
function longestTimeoutMs(member: Member): number {
  const paths = new Set(member.service.methods.map(({ name }) => methodPath(member.service, name)));
  const own = methodClasses(member).filter((methods) =>
    methods.paths.some((path) => "exact" in path && paths.has(path.exact)),
  );
  return Math.max(...own.map(({ timeoutMs }) => timeoutMs));
}

/** For the same reason nothing is tried again where one of the methods is a stream. */
function retries({ contract, service: { methods } }: Member): CanaryService["retries"] {
  const streaming = methods.some((method) => method.streaming);
  const { attempts, perTryTimeout, retryOn } = retryPolicy(contract, { streaming, guarded: false });
  return { attempts, ...(perTryTimeout && { perTryTimeout }), ...(retryOn && { retryOn }) };
}

function canaryTrafficPolicy(contract: ContractSpec): CanaryTrafficPolicy {
  const { tls, connectionPool, outlierDetection } = trafficPolicy(contract);
  return {
    ...(tls && { tls }),
    loadBalancer: {
      simple: "LEAST_REQUEST",
      localityLbSetting: { enabled: false },
      ...(contract.warmUpMs > 0 && { warmupDurationSecs: toDuration(contract.warmUpMs) }),
    },
    connectionPool: connectionPool?.http ? { http: connectionPool.http } : {},
    ...(outlierDetection && { outlierDetection }),
  };
}
