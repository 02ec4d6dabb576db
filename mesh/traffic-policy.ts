import type { IDestinationRule } from "@kubernetes-models/istio/networking.istio.io/v1/DestinationRule";
import type { CircuitBreakerSpec, ContractSpec, RetrySpec } from "../src/fleet/spec.js";
import { toDuration } from "./duration.js";
import { loadBalancer } from "./load-balancer.js";

/** A DestinationRule's policy, and what Istio 1.28 and newer know beside the package's types. */
export type TrafficPolicy = NonNullable<NonNullable<IDestinationRule["spec"]>["trafficPolicy"]> & {
  retryBudget?: RetryBudget;
};

type ConnectionPool = NonNullable<TrafficPolicy["connectionPool"]>;
type OutlierDetection = NonNullable<TrafficPolicy["outlierDetection"]>;

/** @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy-RetryBudget */
interface RetryBudget {
  /** Of the calls that are open, at most 100. */
  percent: number;
  /** Retries that are allowed however few calls are open. */
  minRetryConcurrency: number;
}

/** In a cluster a connection stands within milliseconds, or the pod is gone. */
const CONNECT_TIMEOUT_MS = 1000;
/** A node that vanished is noticed after 30 + 3 * 5 s, where the kernel alone would take hours. */
const KEEPALIVE = { time: "30s", interval: "5s", probes: 3 };
/** Of the calls that may be open: so many may be retries where the fleet file has no budget. */
const RETRIES_PERCENT = 20;
const LEAST_RETRIES = 3;

/** How a caller's sidecar treats a contract's pods. */
export function trafficPolicy(contract: ContractSpec): TrafficPolicy {
  const budget = contract.retries?.budgetPercent;
  return {
    tls: { mode: "ISTIO_MUTUAL" },
    loadBalancer: loadBalancer(contract, false),
    connectionPool: connectionPool(contract.circuitBreaker, contract.retries),
    ...(budget !== undefined && { retryBudget: { percent: budget, minRetryConcurrency: LEAST_RETRIES } }),
    outlierDetection: outlierDetection(contract.circuitBreaker),
  };
}

function connectionPool({ maxRequests }: CircuitBreakerSpec, retries: RetrySpec | undefined): ConnectionPool {
  const maxRetries = Math.max(LEAST_RETRIES, Math.ceil((maxRequests * RETRIES_PERCENT) / 100));
  return {
    tcp: { connectTimeout: toDuration(CONNECT_TIMEOUT_MS), tcpKeepalive: KEEPALIVE },
    http: {
      http2MaxRequests: maxRequests,
      // Calls that wait for a connection, with HTTP/2 as well, whatever the field's name.
      http1MaxPendingRequests: maxRequests,
      ...(retries?.budgetPercent === undefined && { maxRetries }),
    },
  };
}

/**
 * Pods that keep failing get no calls for a while. Envoy counts gRPC statuses as their HTTP equals: UNAVAILABLE, INTERNAL,
 * UNKNOWN and DEADLINE_EXCEEDED are 5xx; RESOURCE_EXHAUSTED is not, so that a busy pod sheds load without being ejected.
 * A try that takes too long counts as 504, but only while errors of Envoy's own making are not counted apart:
 * `splitExternalLocalOriginErrors` stays off.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
function outlierDetection(breaker: CircuitBreakerSpec): OutlierDetection {
  return {
    consecutive5xxErrors: breaker.consecutiveErrors,
    interval: toDuration(breaker.intervalMs),
    baseEjectionTime: toDuration(breaker.ejectForMs),
    maxEjectionPercent: breaker.maxEjectedPercent,
  };
}
