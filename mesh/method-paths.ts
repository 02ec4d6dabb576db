import type { ContractService } from "../src/fleet/services.js";

/** Paths of what every server answers beside its contract's own service. A path is `/package.Service/Method`. */

/** The Open Inference Protocol, by prefix. */
export const OPEN_INFERENCE = "/inference.GRPCInferenceService/";
/** The one stream of the Open Inference Protocol. */
export const OPEN_INFERENCE_STREAM = `${OPEN_INFERENCE}ModelStreamInfer`;
/** Health, by prefix. */
export const HEALTH = "/grpc.health.v1.Health/";
/** A stream that says whenever health changes. */
export const HEALTH_STREAM = `${HEALTH}Watch`;
/** Reflection of every version, by prefix; all of it is streams. */
export const REFLECTION = "/grpc.reflection.";

/** Path of a method of a contract's service: `/acme.fraud.v1.FraudService/Predict`. */
export function methodPath(service: ContractService, method: string): string {
  return `/${service.name}/${method}`;
}
