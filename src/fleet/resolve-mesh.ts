import type { ContractFile } from "./schema.js";
import { DELIVERY_DEFAULTS } from "./schema-cluster.js";
import { MESH_DEFAULTS } from "./schema-mesh.js";
import type { CircuitBreakerSpec, DeliverySpec, FallbackSpec, MethodSpec, ObjectivesSpec, RetrySpec } from "./spec.js";
import { toMs } from "./units.js";

/** Every pod may be ejected where somebody else answers. */
const ALL_PERCENT = 100;

export function resolveMethods({ methods }: ContractFile, order: readonly string[]): Map<string, MethodSpec> {
  return new Map(
    order.map((name) => {
      const { deadline, callers } = methods![name]!;
      return [name, { deadlineMs: deadline, callers }];
    }),
  );
}

export function resolveFallback({ fallback, circuitBreaker }: ContractFile): FallbackSpec | undefined {
  if (fallback === undefined) return undefined;
  return {
    revision: fallback.revision,
    latencyOverMs: fallback.when?.latencyOver,
    consecutiveErrors:
      fallback.when?.consecutiveErrors ?? circuitBreaker?.consecutiveErrors ?? MESH_DEFAULTS.consecutiveErrors,
  };
}

export function resolveRetries({ retries }: ContractFile): RetrySpec | undefined {
  if (retries === undefined) return undefined;
  return { attempts: retries.attempts, perTryMs: retries.perTry, budgetPercent: retries.budget };
}

export function resolveBreaker({ circuitBreaker, fallback }: ContractFile): CircuitBreakerSpec {
  return {
    maxRequests: circuitBreaker?.maxRequests ?? MESH_DEFAULTS.maxRequests,
    consecutiveErrors:
      fallback?.when?.consecutiveErrors ?? circuitBreaker?.consecutiveErrors ?? MESH_DEFAULTS.consecutiveErrors,
    intervalMs: circuitBreaker?.interval ?? toMs(MESH_DEFAULTS.interval),
    ejectForMs: circuitBreaker?.ejectFor ?? toMs(MESH_DEFAULTS.ejectFor),
    maxEjectedPercent: circuitBreaker?.maxEjected ?? (fallback === undefined ? MESH_DEFAULTS.maxEjected : ALL_PERCENT),
  };
}

export function resolveObjectives({ objectives }: ContractFile, deadlineMs: number): ObjectivesSpec {
  return {
    errorRatePercent: objectives?.errorRate ?? MESH_DEFAULTS.errorRate,
    p99Ms: objectives?.p99 ?? deadlineMs,
    hopOverheadMs: objectives?.hopOverhead ?? toMs(MESH_DEFAULTS.hopOverhead),
  };
}

export function resolveDelivery({ delivery }: ContractFile): DeliverySpec | undefined {
  if (delivery === undefined) return undefined;
  return {
    engine: delivery.engine,
    stepsPercent: delivery.steps ?? DELIVERY_DEFAULTS.steps,
    intervalMs: delivery.interval ?? toMs(DELIVERY_DEFAULTS.interval),
  };
}
