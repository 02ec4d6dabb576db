import type { MeshObject } from "../mesh/mesh-object.js";
import { bridgeMetadata } from "../mesh/metadata.js";
import type { BridgeSpec, BrokerSpec, FleetSpec, SaslMechanism } from "../src/fleet/spec.js";

/** How often KEDA asks the broker, and how long it waits after the last event before it takes the last pod away. */
const POLLING_SECONDS = 15;
const COOLDOWN_SECONDS = 300;
/** After so many answers that did not come KEDA keeps pods without them. */
const FAILURES = 3;

/** A trigger of KEDA: whom it asks for what. */
interface Trigger {
  readonly type: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly authenticationRef?: { readonly name: string };
}

/** A ScaledObject of KEDA, as far as it is used. @see https://keda.sh/docs/latest/reference/scaledobject-spec */
export interface ScaledObject extends MeshObject {
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string };
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly pollingInterval: number;
    readonly cooldownPeriod: number;
    readonly fallback: { readonly failureThreshold: number; readonly replicas: number };
    readonly triggers: readonly Trigger[];
  };
}

/** Where KEDA reads what a broker asks of it. @see https://keda.sh/docs/latest/concepts/authentication */
export interface TriggerAuthentication extends MeshObject {
  readonly spec: {
    readonly secretTargetRef: readonly {
      readonly parameter: string;
      readonly name: string;
      readonly key: string;
    }[];
  };
}

/** What adds pods to a bridge by its lag, where the fleet file asks for it; with what KEDA needs to ask a Kafka. */
export function scaledObjects(fleet: FleetSpec, bridge: BridgeSpec): (ScaledObject | TriggerAuthentication)[] {
  const { min, max, scaleOnLag } = bridge.replicas;
  if (scaleOnLag === undefined) return [];
  const broker = fleet.broker!;
  const metadata = bridgeMetadata(fleet, bridge);
  const authentications = broker.kind === "kafka" ? kafkaAuthentications(broker, metadata) : [];
  const trigger =
    broker.kind === "kafka" ? kafkaTrigger(broker, bridge, scaleOnLag) : natsTrigger(broker, bridge, scaleOnLag);
  const authenticationRef = authentications.length > 0 ? { authenticationRef: { name: metadata.name } } : {};
  return [
    ...authentications,
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
        triggers: [{ ...trigger, ...authenticationRef }],
      },
    },
  ];
}

/** Whoever answers at the monitoring address is asked in plain HTTP. @see https://keda.sh/docs/latest/scalers/nats-jetstream */
function natsTrigger({ monitoring, account }: BrokerSpec, { name, from }: BridgeSpec, lag: number): Trigger {
  const metadata = {
    natsServerMonitoringEndpoint: monitoring!,
    account,
    stream: from.stream!,
    // The bridge's durable consumer.
    consumer: name,
    lagThreshold: String(lag),
    // One event that waits is enough for a first pod.
    activationLagThreshold: "0",
  };
  return { type: "nats-jetstream", metadata };
}

/** KEDA's names of the mechanisms. */
const SASL: Readonly<Record<SaslMechanism, string>> = {
  PLAIN: "plaintext",
  "SCRAM-SHA-256": "scram_sha256",
  "SCRAM-SHA-512": "scram_sha512",
};

/** The brokers are asked themselves. More pods than partitions would do nothing. @see https://keda.sh/docs/latest/scalers/apache-kafka */
function kafkaTrigger({ servers, sasl, tls }: BrokerSpec, { name, from }: BridgeSpec, lag: number): Trigger {
  const metadata = {
    bootstrapServers: servers.map(({ host, port }) => `${host}:${port}`).join(),
    // The bridge's consumer group.
    consumerGroup: name,
    topic: from.subject,
    lagThreshold: String(lag),
    activationLagThreshold: "0",
    // As the bridge does that has stored no offset yet.
    offsetResetPolicy: "earliest",
    ...(sasl !== undefined && { sasl: SASL[sasl] }),
    ...(tls && { tls: "enable" }),
  };
  return { type: "kafka", metadata };
}

function kafkaAuthentications(
  { secret: name, sasl, tls }: BrokerSpec,
  metadata: MeshObject["metadata"],
): TriggerAuthentication[] {
  if (name === undefined) return [];
  const user = ["username", "password"].map((key) => ({ parameter: key, name, key }));
  const secretTargetRef = [
    ...(sasl === undefined ? [] : user),
    ...(tls ? [{ parameter: "ca", name, key: "ca.crt" }] : []),
  ];
  if (secretTargetRef.length === 0) return [];
  return [{ apiVersion: "keda.sh/v1alpha1", kind: "TriggerAuthentication", metadata, spec: { secretTargetRef } }];
}
