import assert from "node:assert/strict";
import { Deployment } from "kubernetes-models/apps/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ServiceAccount } from "kubernetes-models/v1";
import { type ScaledObject, scaledObjects } from "../../cdk8s/scaled-object.js";
import { createBridgeCommand } from "../../src/cli/bridge.js";
import { bridgeArguments } from "../../src/fleet/bridge-arguments.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { fleetOf, model } from "../support/members.js";
import { bridgesOf, type Synthesized } from "./synthesized.js";

const CONTRACT = `name: acme.fraud.v1
revisions: { r1: ${model("r1")} }
deadline: 200ms
methods: { Predict: { deadline: 45s } }`;
const SCRAPER = "telemetry: { prometheus: { scraper: monitoring/prometheus } }";
const NAME = "bridge-scores";

/** What a broker and a bridge have besides what they need. */
interface Options {
  readonly nats?: string;
  readonly servers?: string;
  readonly bridge?: string;
  readonly spec?: string;
}

function fleetWith({ nats = "", servers = "nats://nats.messaging", bridge = "", spec = "" }: Options = {}): FleetSpec {
  const places =
    'from: { stream: IN, subject: "in.>" }, to: { subject: out.scored }, deadLetter: { subject: out.dead }';
  const broker = `broker: { nats: { servers: [${servers}]${nats && `, ${nats}`} } }`;
  const bridges = `bridges: [{ name: scores, contract: acme.fraud.v1, ${places}${bridge && `, ${bridge}`} }]`;
  return fleetOf([CONTRACT], [broker, bridges, spec].join("\n"));
}

function kafkaFleet(kafka: string, bridge: string): FleetSpec {
  const places = "from: { topic: in }, to: { topic: out }, deadLetter: { topic: dead }";
  const bridges = `bridges: [{ name: scores, contract: acme.fraud.v1, ${places}, ${bridge} }]`;
  return fleetOf([CONTRACT], `broker: { kafka: { ${kafka} } }\n${bridges}`);
}

function workloadOf(options?: Options): Synthesized {
  return bridgesOf(fleetWith(options));
}

/** A line for each rule of what the bridge's pods reach. */
function reached(workload: Synthesized): string[] {
  const rules = workload.one("NetworkPolicy", NAME).spec!.egress!;
  return rules.map(({ to = [], ports = [] }) => {
    const peers = to.map(({ namespaceSelector, podSelector }) =>
      Object.values((namespaceSelector ?? podSelector)!.matchLabels!).join(),
    );
    return `${peers.join() || "anywhere"} ${ports.map(({ port }) => port).join()}`.trim();
  });
}

describe("a bridge's workload", () => {
  it("is what Kubernetes' schemas say", () => {
    const { objects } = workloadOf({ nats: "secret: nats, tls: true", spec: SCRAPER });
    const kinds = { Deployment, NetworkPolicy, PodDisruptionBudget, ServiceAccount };
    assert.deepEqual(objects.map(({ kind }) => kind).sort(), Object.keys(kinds).sort());
    for (const object of objects) {
      const Kind = kinds[object.kind as keyof typeof kinds] as new (data: object) => { validate(): void };
      assert.doesNotThrow(() => new Kind(object).validate(), object.kind);
    }
  });

  it("is told what `flotilla bridge` takes, and all that the fleet file says", () => {
    const more = "orderBy: partitionkey, window: { maxSize: 8 }, retries: { backoff: 1.5s }, format: protobuf";
    const fleet = fleetWith({ nats: "secret: nats, tls: true", servers: "nats://a.b, nats://c.b:4333", bridge: more });
    const [name, ...args] = bridgeArguments(fleet, fleet.bridges[0]!);
    const command = createBridgeCommand()
      .exitOverride()
      .action(() => {});
    command.parse(args, { from: "user" });
    assert.equal(name, command.name());
    const { metricsPort, logLevel, output, ackWait, ...told } = command.opts();
    assert.deepEqual(told, {
      name: "scores",
      host: "0.0.0.0",
      servers: ["nats://a.b:4222", "nats://c.b:4333"],
      credentials: "/etc/flotilla/broker",
      brokerTls: true,
      contract: "acme.fraud.v1",
      method: "Predict",
      target: "acme-fraud-v1.models.svc.cluster.local:8500",
      stream: "IN",
      subject: "in.>",
      to: "out.scored",
      deadLetter: "out.dead",
      orderBy: "partitionkey",
      maxInFlight: 64,
      windowSize: 8,
      windowDelay: 20,
      retries: 5,
      backoff: 1500,
      maxBackoff: 30_000,
      format: "protobuf",
      mode: "binary",
      deadline: 45_000,
      drainTimeout: 45_000,
    });
  });

  it("is told a Kafka's brokers, topics and mechanism, and may be two at a time though events have an order", () => {
    const fleet = kafkaFleet("brokers: [kafka.messaging], secret: kafka, sasl: PLAIN", "orderBy: partitionkey");
    const args = bridgeArguments(fleet, fleet.bridges[0]!);
    const told = (option: string) => args[args.indexOf(option) + 1];
    assert.deepEqual(["--servers", "--subject", "--to", "--dead-letter", "--sasl"].map(told), [
      "kafka://kafka.messaging:9092",
      "in",
      "out",
      "dead",
      "PLAIN",
    ]);
    assert(!args.includes("--stream"));
    assert.equal(bridgesOf(fleet).one("Deployment").spec!.strategy!.type, "RollingUpdate");
    assert.deepEqual(reached(bridgesOf(fleet)).at(-1), "messaging");
  });

  it("has its credentials as files that it can only read, and nothing secret in its environment", () => {
    const pod = workloadOf({ nats: "secret: nats-credentials" }).pod(NAME);
    const [container] = pod.containers;
    assert.equal(container!.env, undefined);
    const volume = pod.volumes!.find(({ secret }) => secret !== undefined)!;
    assert.equal(volume.secret!.secretName, "nats-credentials");
    const mount = container!.volumeMounts!.find(({ name }) => name === volume.name)!;
    assert.equal(mount.readOnly, true);
    assert(container!.args!.includes(mount.mountPath));
    assert(
      !workloadOf()
        .pod(NAME)
        .volumes!.some(({ secret }) => secret),
    );
  });

  it("is held to the standard `restricted`, with no token of the API server", () => {
    const workload = workloadOf();
    const pod = workload.pod(NAME);
    assert.equal(pod.securityContext!.runAsNonRoot, true);
    assert.deepEqual(pod.securityContext!.seccompProfile, { type: "RuntimeDefault" });
    const { allowPrivilegeEscalation, capabilities, readOnlyRootFilesystem } = pod.containers[0]!.securityContext!;
    assert.deepEqual(
      [allowPrivilegeEscalation, capabilities, readOnlyRootFilesystem],
      [false, { drop: ["ALL"] }, true],
    );
    assert.equal(pod.automountServiceAccountToken, false);
    assert.equal(workload.one("ServiceAccount").metadata!.name, pod.serviceAccountName);
    assert.equal(workload.one("ServiceAccount").automountServiceAccountToken, false);
  });

  it("has longer to end than its longest call takes", () => {
    assert(workloadOf().pod(NAME).terminationGracePeriodSeconds! > 45);
  });

  it("is never two at a time where events have an order", () => {
    const strategy = (options?: Options) => workloadOf(options).one("Deployment").spec!.strategy!.type;
    assert.equal(strategy({ bridge: "orderBy: partitionkey" }), "Recreate");
    assert.equal(strategy(), "RollingUpdate");
  });

  it("reaches the contract, the broker's namespace and what every sidecar needs, and is reached by the scraper alone", () => {
    const workload = workloadOf({ spec: SCRAPER });
    assert.deepEqual(reached(workload), [
      "anywhere 53,53",
      "istio-system 15012",
      "istio-system 4317,4318,9411",
      "acme.fraud.v1 8500,15008",
      "messaging",
    ]);
    const { ingress } = workload.one("NetworkPolicy").spec!;
    assert.equal(ingress!.length, 1);
    assert.deepEqual(ingress![0]!.from![0]!.namespaceSelector!.matchLabels, {
      "kubernetes.io/metadata.name": "monitoring",
    });
    assert.deepEqual(workloadOf().one("NetworkPolicy").spec!.ingress, []);
  });

  it("reaches a broker outside the cluster by its port alone", () => {
    assert.equal(reached(workloadOf({ servers: "nats://nats.example.com:4333" })).at(-1), "anywhere 4333");
  });

  it("has none of a contract's labels, whose Service would choose its pods", () => {
    const { labels } = workloadOf().one("Deployment").spec!.template.metadata!;
    assert.equal(labels!["flotilla.dev/contract"], undefined);
    assert.equal(labels!["flotilla.dev/bridge"], "scores");
  });
});

describe("scaling by lag", () => {
  const SCALED = { nats: "monitoring: nats.messaging:8222", bridge: "scaleOnLag: 500, replicas: { min: 0, max: 7 }" };

  it("asks NATS for the lag of the bridge's own consumer, and leaves the number of pods to KEDA", () => {
    const fleet = fleetWith(SCALED);
    const [{ spec }] = scaledObjects(fleet, fleet.bridges[0]!) as [ScaledObject];
    assert.equal(spec.scaleTargetRef.name, NAME);
    assert.deepEqual([spec.minReplicaCount, spec.maxReplicaCount], [0, 7]);
    assert.deepEqual(spec.triggers, [
      {
        type: "nats-jetstream",
        metadata: {
          natsServerMonitoringEndpoint: "nats.messaging:8222",
          account: "$G",
          stream: "IN",
          consumer: "scores",
          lagThreshold: "500",
          activationLagThreshold: "0",
        },
      },
    ]);
    assert.equal(bridgesOf(fleet).one("Deployment").spec!.replicas, undefined);
  });

  it("asks Kafka for the lag of the bridge's consumer group, by the secret's user", () => {
    const kafka = "brokers: [kafka.messaging, kafka-2.messaging:9094], secret: kafka, tls: true, sasl: SCRAM-SHA-256";
    const fleet = kafkaFleet(kafka, "scaleOnLag: 500, replicas: { max: 7 }");
    const [authentication, scaled] = scaledObjects(fleet, fleet.bridges[0]!);
    assert.deepEqual(authentication!.spec, {
      secretTargetRef: [
        { parameter: "username", name: "kafka", key: "username" },
        { parameter: "password", name: "kafka", key: "password" },
        { parameter: "ca", name: "kafka", key: "ca.crt" },
      ],
    });
    assert.deepEqual((scaled as ScaledObject).spec.triggers, [
      {
        type: "kafka",
        metadata: {
          bootstrapServers: "kafka.messaging:9092,kafka-2.messaging:9094",
          consumerGroup: "scores",
          topic: "in",
          lagThreshold: "500",
          activationLagThreshold: "0",
          offsetResetPolicy: "earliest",
          sasl: "scram_sha256",
          tls: "enable",
        },
        authenticationRef: { name: NAME },
      },
    ]);
    const open = kafkaFleet("brokers: [kafka.messaging]", "scaleOnLag: 500");
    assert.deepEqual(
      scaledObjects(open, open.bridges[0]!).map(({ kind }) => kind),
      ["ScaledObject"],
    );
  });

  it("is not there where the fleet file does not ask for it", () => {
    const fleet = fleetWith({ bridge: "replicas: { min: 3 }" });
    assert.deepEqual(scaledObjects(fleet, fleet.bridges[0]!), []);
    assert.equal(bridgesOf(fleet).one("Deployment").spec!.replicas, 3);
  });
});
