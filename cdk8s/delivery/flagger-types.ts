import type { MeshObject } from "../../mesh/mesh-object.js";
import type { RetryPolicy } from "../../mesh/retry-policy.js";
import type { TrafficPolicy } from "../../mesh/traffic-policy.js";

/** The parts of Flagger's objects that Flotilla writes. @see https://github.com/fluxcd/flagger/blob/main/artifacts/flagger/crd.yaml */

/** A reference to an object of the same namespace. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** What Flagger makes Services, a VirtualService and DestinationRules from. */
export interface CanaryService {
  readonly name: string;
  readonly port: number;
  readonly targetPort: number;
  readonly portName: string;
  readonly appProtocol: string;
  /** Of every method. */
  readonly timeout: string;
  readonly retries: Pick<RetryPolicy, "attempts" | "perTryTimeout" | "retryOn">;
  readonly trafficPolicy: CanaryTrafficPolicy;
  /** Of the Service that callers know. */
  readonly apex: { readonly labels: Record<string, string> };
}

/** Flagger knows an older Istio: of its load balancer no `warmup`, of its connection pool no `tcp`, and no retry budget. */
export interface CanaryTrafficPolicy extends Pick<TrafficPolicy, "tls" | "outlierDetection"> {
  readonly connectionPool: Pick<NonNullable<TrafficPolicy["connectionPool"]>, "http">;
  readonly loadBalancer: {
    readonly simple: "LEAST_REQUEST";
    readonly localityLbSetting: { readonly enabled: boolean };
    readonly warmupDurationSecs?: string;
  };
}

export interface CanaryMetric {
  readonly name: string;
  readonly templateRef: { readonly name: string };
  readonly thresholdRange: { readonly max: number };
}

export interface Canary extends MeshObject {
  readonly apiVersion: "flagger.app/v1beta1";
  readonly kind: "Canary";
  readonly spec: {
    readonly provider: "istio";
    readonly targetRef: ObjectReference;
    readonly autoscalerRef?: ObjectReference;
    /** Seconds. */
    readonly progressDeadlineSeconds: number;
    readonly service: CanaryService;
    readonly analysis: {
      readonly interval: string;
      /** Failed checks before the change is taken back. */
      readonly threshold: number;
      readonly stepWeights: readonly number[];
      readonly metrics: readonly CanaryMetric[];
    };
  };
}

export interface MetricTemplate extends MeshObject {
  readonly apiVersion: "flagger.app/v1beta1";
  readonly kind: "MetricTemplate";
  readonly spec: {
    readonly provider: { readonly type: "prometheus"; readonly address: string };
    readonly query: string;
  };
}
