/** A fleet as the rest of the code reads it: checked, defaults filled in, paths absolute, durations in milliseconds. */
export interface FleetSpec {
  /** Absolute folder that the fleet file's paths are relative to. */
  readonly root: string;
  readonly name: string;
  readonly namespace: string;
  readonly images: ImagesSpec;
  readonly mesh: MeshSpec;
  readonly telemetry: TelemetrySpec;
  /** The way in for callers outside the mesh, where there is one. */
  readonly ingress: IngressSpec | undefined;
  /** In the file's order. */
  readonly contracts: readonly ContractSpec[];
  /** Where events come from and go to; undefined: the fleet has no bridges. */
  readonly broker: BrokerSpec | undefined;
  /** In the file's order. */
  readonly bridges: readonly BridgeSpec[];
}

/** Where the fleet's container images are. */
export interface ImagesSpec {
  /** Without a tag, `registry.example.com/models`. */
  readonly repository: string;
  /** Last part of each tag. */
  readonly version: string;
  /** Names of secrets. */
  readonly pullSecrets: readonly string[];
}

/** The Istio of the cluster. */
export interface MeshSpec {
  readonly trustDomain: string;
  /** Namespace of the control plane. */
  readonly namespace: string;
  /** Istio's CNI plugin redirects the pods' traffic, so that no pod needs a privilege for it. */
  readonly cni: boolean;
}

export interface TelemetrySpec {
  /** `namespace/serviceaccount` of Prometheus; undefined: nobody reads the metrics. */
  readonly scraper: string | undefined;
  readonly discovery: "annotations" | "operator";
  /** Where Prometheus answers queries. */
  readonly prometheusAddress: string | undefined;
  /** Of the calls, by default. */
  readonly samplingPercent: number;
  /** The mesh's extension provider for spans; undefined: the mesh's default. */
  readonly tracingProvider: string | undefined;
  /** Service that gets the spans, as `namespace/service`; undefined: one in the control plane's namespace. */
  readonly tracingCollector: string | undefined;
  readonly accessLogs: "all" | "errors" | "off";
  readonly dashboard: boolean;
}

/** The way in for callers outside the mesh. */
export interface IngressSpec {
  readonly via: "istio" | "gateway-api";
  readonly host: string;
  readonly tlsSecret: string;
  /** Callers have to show a certificate. */
  readonly mutual: boolean;
  /** Value of the label `istio` on the gateway's pods; for `istio`. */
  readonly gatewayLabel: string;
  /** `namespace/serviceaccount` of the gateway; for `istio`. */
  readonly gatewayAccount: string;
  /** For `gateway-api`. */
  readonly gatewayClass: string;
}

/** One contract, and what serves it. */
export interface ContractSpec {
  /** Protobuf package with a version, `acme.fraud.v1`. */
  readonly name: string;
  readonly owner: string | undefined;
  /** What its answers are for. */
  readonly purpose: string | undefined;
  /** Absolute path of the module that wraps the model, where there is one. */
  readonly transform: string | undefined;
  /** Absolute path of a request in protobuf JSON that shows how the contract is called. */
  readonly example: string | undefined;
  /** `namespace/serviceaccount` of those who may call; undefined where the file does not say, which is nobody. */
  readonly callers: readonly string[] | undefined;
  /** Contracts of the fleet that this one's own code calls. */
  readonly calls: readonly string[];
  /** What a composition keeps of each call's deadline for itself. */
  readonly reserveMs: number;
  /** Settings of single methods, by name: `Predict`. */
  readonly methods: ReadonlyMap<string, MethodSpec>;
  readonly streams: StreamSpec;
  /** In the file's order. */
  readonly revisions: readonly RevisionSpec[];
  /** In the file's order, adding up to 100; never empty. Revisions whose share is 0 are left out. */
  readonly traffic: readonly WeightSpec[];
  readonly shadow: ShadowSpec | undefined;
  /** Who answers each cohort's calls, as `traffic` says it of all others'. In the file's order. */
  readonly cohorts: ReadonlyMap<string, readonly WeightSpec[]>;
  /** Revision by release, of the releases that the contract is in. In the file's order. */
  readonly releases: ReadonlyMap<string, string>;
  readonly fallback: FallbackSpec | undefined;
  readonly retries: RetrySpec | undefined;
  /** How long a call may take where its caller does not say. */
  readonly deadlineMs: number;
  readonly circuitBreaker: CircuitBreakerSpec;
  /** How long a new pod gets a rising share; 0: its full share at once. */
  readonly warmUpMs: number;
  readonly objectives: ObjectivesSpec;
  /** Per cent of the calls that are traced. */
  readonly samplingPercent: number;
  /** Whether the fleet's ingress leads here. */
  readonly ingress: boolean;
  readonly delivery: DeliverySpec | undefined;
  /** How its pods answer where they are stubs; undefined: they serve its models. */
  readonly stub: StubSpec | undefined;
}

/** Pods that answer with no model. */
export interface StubSpec {
  /** As `flotilla stub --latency` takes it; undefined: answers take no longer than they do. */
  readonly latency: string | undefined;
  /** Per cent of the calls that fail, by gRPC code, in the file's order. */
  readonly errors: ReadonlyMap<string, number>;
  /** Whether requests of golden cases get the answers that these say. */
  readonly golden: boolean;
}

/** What one method has in place of its contract's. */
export interface MethodSpec {
  readonly deadlineMs: number | undefined;
  /** `namespace/serviceaccount`; undefined: the contract's. */
  readonly callers: readonly string[] | undefined;
}

/** How long streams may last, and how many there may be. */
export interface StreamSpec {
  /** A stream in which nothing moves for so long is ended. */
  readonly idleMs: number;
  /** How long a stream has to be answered what it has sent, once it is to end. */
  readonly drainMs: number;
  /** Streams that one caller may have open at one server. */
  readonly perCaller: number;
  /** Messages of one stream, and their bytes together; Infinity for any. */
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Name of the Secret whose `key` signs the state that callers keep. */
  readonly secret: string | undefined;
}

/** What keeps failing pods and too many calls away from one another. */
export interface CircuitBreakerSpec {
  /** Calls that one caller's sidecar may have open. */
  readonly maxRequests: number;
  readonly consecutiveErrors: number;
  readonly intervalMs: number;
  readonly ejectForMs: number;
  readonly maxEjectedPercent: number;
}

/** What a contract promises. */
export interface ObjectivesSpec {
  readonly errorRatePercent: number;
  /** Inside the server. */
  readonly p99Ms: number;
  readonly hopOverheadMs: number;
}

/** A roll-out by an engine that the cluster has. */
export interface DeliverySpec {
  readonly engine: "argo" | "flagger";
  readonly stepsPercent: readonly number[];
  readonly intervalMs: number;
}

/** One immutable model, or composition, that serves a contract. */
export interface RevisionSpec {
  readonly name: string;
  /** Absolute path of the .onnx file; undefined where the revision is a composition. */
  readonly model: string | undefined;
  /** Undefined where the revision is a model. */
  readonly module: ModuleSpec | undefined;
  /** Hex digest that the model's file, or the composition's sources, must have. */
  readonly sha256: string;
  /** The model's, for the register of models. */
  readonly licence: string | undefined;
  /** The container image; undefined: names.ts says. */
  readonly image: string | undefined;
  /** Where a pod gets the model from; undefined: its image. */
  readonly source: SourceSpec | undefined;
  readonly batching: BatchingSpec;
  /** Calls that may wait for the model before more are shed. */
  readonly queueSize: number;
  /** Worker threads, each with a session of its own. */
  readonly workers: number;
  /** Threads that one run uses; undefined: the processors that the process may use. */
  readonly threads: number | undefined;
  readonly resources: ResourceSpec;
  readonly replicas: ReplicaSpec;
}

/** The module of a composition. */
export interface ModuleSpec {
  /** Absolute path. */
  readonly path: string;
  /** Hex digest of the module as one file, where it is one: in an image. */
  readonly bundledSha256: string | undefined;
}

/** Where a pod gets its model from, where its image does not hold it. */
export type SourceSpec =
  /** An OCI image that is mounted, and the path of the model in it. */
  | { readonly kind: "image"; readonly reference: string; readonly path: string }
  /** A PersistentVolumeClaim, and the path of the model in it. */
  | { readonly kind: "claim"; readonly claim: string; readonly path: string }
  | {
      readonly kind: "s3";
      /** `s3://bucket/key.onnx`. */
      readonly url: string;
      readonly endpoint: string;
      readonly region: string;
      /** Secret with the keys; undefined: without a signature. */
      readonly secret: string | undefined;
    };

/** How calls are joined into one run. */
export interface BatchingSpec {
  /** Rows that one run may hold; 1 is off. */
  readonly maxRows: number;
  /** How long the first call of a batch waits for company. */
  readonly maxDelayMs: number;
  /** How calls of other lengths may share a run; undefined: they don't. */
  readonly padding: PaddingSpec | undefined;
}

/** How calls are filled up to the longest of a run. */
export interface PaddingSpec {
  /** The dimension that they may differ in, from 0; never the rows. */
  readonly axis: number;
  /** What each input is filled up with, by its name. */
  readonly values: Readonly<Record<string, number>>;
}

export interface WeightSpec {
  readonly revision: string;
  readonly weightPercent: number;
}

/** A copy of the traffic, whose answers nobody sees. */
export interface ShadowSpec {
  readonly revision: string;
  readonly percent: number;
}

/** Who answers when the revisions with traffic are too slow or fail. */
export interface FallbackSpec {
  readonly revision: string;
  readonly latencyOverMs: number | undefined;
  readonly consecutiveErrors: number;
}

export interface RetrySpec {
  /** Tries after the first, as Istio counts them. */
  readonly attempts: number;
  readonly perTryMs: number;
  /** Most retries at a time, of the calls that are open; undefined: a fixed number. */
  readonly budgetPercent: number | undefined;
}

/** What one pod asks for and may use. */
export interface ResourceSpec {
  /** Processors that it may use, fractions allowed. */
  readonly cpu: number;
  /** Processors that it asks for; at most `cpu`. */
  readonly cpuRequest: number;
  readonly memoryBytes: number;
}

export interface ReplicaSpec {
  readonly min: number;
  readonly max: number;
  readonly cpuUtilizationPercent: number;
  /** Calls at a time per pod above which pods are added; undefined: processors alone decide. */
  readonly inFlight: number | undefined;
}

/** Kinds of brokers. */
export type BrokerKind = "nats" | "kafka";

/** Where events come from and go to: a NATS with JetStream, or a Kafka. */
export interface BrokerSpec {
  readonly kind: BrokerKind;
  /** At least one. */
  readonly servers: readonly BrokerAddress[];
  /** Secret with the credentials; undefined: none are asked for. */
  readonly secret: string | undefined;
  readonly tls: boolean;
  /** How a Kafka is told the secret's username and password; undefined: it isn't. */
  readonly sasl: SaslMechanism | undefined;
  /** Of NATS' monitoring, as `host:port`; undefined: nobody asks it for the lag. */
  readonly monitoring: string | undefined;
  /** Account of NATS that the streams are in. */
  readonly account: string;
}

/** Mechanism of SASL by which a user says who it is. */
export type SaslMechanism = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** What turns events into calls of a contract, and their answers into events. */
export interface BridgeSpec {
  readonly name: string;
  readonly contract: string;
  /** A unary method of the contract. */
  readonly method: string;
  readonly from: EventSource;
  /** Subject or topic of the predictions. */
  readonly to: string;
  /** Subject or topic of events that can't be predicted. */
  readonly deadLetter: string;
  /** Attribute of the events that is their key: events of one key are predicted in order. Undefined: in any order. */
  readonly orderBy: string | undefined;
  /** Events taken and not yet acknowledged, at most: by all pods together with NATS, by each with Kafka. */
  readonly maxInFlight: number;
  /** Events joined into one call; undefined: a call for each. */
  readonly window: WindowSpec | undefined;
  readonly retries: EventRetrySpec;
  /** Form of the predictions' data. */
  readonly format: "json" | "protobuf";
  /** CloudEvents content mode of the predictions. */
  readonly mode: "binary" | "structured";
  readonly resources: ResourceSpec;
  readonly replicas: BridgeReplicaSpec;
}

/** Where a bridge's events are. The bridge's name is the durable consumer's, or the consumer group's. */
export interface EventSource {
  /** Of NATS; Kafka has none. */
  readonly stream: string | undefined;
  /** Subject, which may have wildcards, or topic. */
  readonly subject: string;
}

export interface WindowSpec {
  /** Events of one call. */
  readonly maxSize: number;
  /** How long the first event waits for others. */
  readonly maxDelayMs: number;
}

/** How an event is tried again whose call failed for want of luck. */
export interface EventRetrySpec {
  /** Tries after the first. */
  readonly attempts: number;
  /** Before the second try; twice as long before each further one. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

export interface BridgeReplicaSpec {
  /** 0 only where pods are added by lag. */
  readonly min: number;
  readonly max: number;
  /** Events waiting per pod above which pods are added; undefined: there are always `min`. */
  readonly scaleOnLag: number | undefined;
}
