import type { IDestinationRule } from "@kubernetes-models/istio/networking.istio.io/v1/DestinationRule";
import { LABEL, TIER } from "../src/fleet/names.js";
import type { ContractSpec } from "../src/fleet/spec.js";
import { toDuration } from "./duration.js";

/** How a DestinationRule spreads calls over pods. */
export type LoadBalancer = NonNullable<
  NonNullable<NonNullable<IDestinationRule["spec"]>["trafficPolicy"]>["loadBalancer"]
>;

/**
 * How calls are spread over pods: each one by itself to the less busy of two, however few connections there are. New pods
 * get a share that rises, as a model's first runs are slow.
 * @param guarded whether the pods of the fallback are among them
 */
export function loadBalancer({ warmUpMs }: ContractSpec, guarded: boolean): LoadBalancer {
  return {
    simple: "LEAST_REQUEST",
    ...(warmUpMs > 0 && { warmup: { duration: toDuration(warmUpMs) } }),
    // Outlier detection switches preference of the caller's zone on, and a zone's only pod would get all its calls.
    localityLbSetting: guarded
      ? { enabled: true, failoverPriority: [`${LABEL.tier}=${TIER.primary}`] }
      : { enabled: false },
  };
}
