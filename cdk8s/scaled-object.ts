import type { MeshObject } from "../mesh/mesh-object.js";
import { bridgeMetadata } from "../mesh/metadata.js";
import type { BridgeSpec, FleetSpec } from "../src/fleet/spec.js";

/** How often KEDA asks NATS, and how long it waits after the last event before it takes the last pod away. */
const POLLING_SECONDS = 15;
const COOLDOWN_SECONDS = 300;
/** After so many answers that did not come KEDA keeps pods without them. */
const FAILURES = 3;

/** A ScaledObject of KEDA, as far as it is used. @see https://keda.sh/docs/latest/reference/scaledobject-spec */
export interface ScaledObject extends MeshObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly pollingInterval: number;
    readonly cooldownPeriod: number;
    readonly fallback: { readonly failureThreshold: number; readonly replicas: number };
    readonly triggers: readonly { readonly type: string; readonly metadata: Readonly<Record<string, string>> }[];
  };
}

/**
 * What adds pods to a bridge by its lag, where the fleet file asks for it. Whoever answers at the monitoring address is
 * asked by KEDA itself, in plain HTTP.
 * @see https://keda.sh/docs/latest/scalers/nats-jetstream
 */
export function scaledObjects(fleet: FleetSpec, bridge: BridgeSpec): ScaledObject[] {
  const { min, max, scaleOnLag } = bridge.replicas;
  if (scaleOnLag === undefined) return [];
  const { monitoring, account } = fleet.broker!;
  const metadata = bridgeMetadata(fleet, bridge);
  const trigger = {
    natsServerMonitoringEndpoint: monitoring!,
    account,
    stream: bridge.from.stream,
    // The bridge's durable consumer.
    consumer: bridge.name,
    lagThreshold: String(scaleOnLag),
    // One event that waits is enough for a first pod.
    activationLagThreshold: "0",
  };
  return [
    {
      apiVersion: "keda.sh/v1alpha1",
      kind: "ScaledObject",
      metadata,
      spec: {
        scaleTargetRef: { name: metadata.name },
        minReplicaCount: min,
        maxReplicaCount: max,
        pollingInterval: POLLING_SECONDS,
        cooldownPeriod: COOLDOWN_SECONDS,
        fallback: { failureThreshold: FAILURES, replicas: Math.max(1, min) },
        triggers: [{ type: "nats-jetstream", metadata: trigger }],
      },
    },
  ];
}
