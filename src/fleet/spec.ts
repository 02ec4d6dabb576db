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
  /** Absolute path of the module that wraps the model, where there is one. */
  readonly transform: string | undefined;
  /** Absolute path of a request in protobuf JSON that shows how the contract is called. */
  readonly example: string | undefined;
  /** `namespace/serviceaccount` of those who may call. */
  readonly callers: readonly string[];
  /** Contracts of the fleet that this one's own code calls. */
  readonly calls: readonly string[];
  /** Settings of single methods, by name: `Predict`. */
  readonly methods: ReadonlyMap<string, MethodSpec>;
  /** In the file's order. */
  readonly revisions: readonly RevisionSpec[];
  /** In the file's order, adding up to 100; never empty. Revisions whose share is 0 are left out. */
  readonly traffic: readonly WeightSpec[];
  readonly shadow: ShadowSpec | undefined;
  /** Revision by cohort. */
  readonly cohorts: ReadonlyMap<string, string>;
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
}

/** What one method has in place of its contract's. */
export interface MethodSpec {
  readonly deadlineMs: number | undefined;
  /** `namespace/serviceaccount`; undefined: the contract's. */
  readonly callers: readonly string[] | undefined;
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

/** One immutable model that serves a contract. */
export interface RevisionSpec {
  readonly name: string;
  /** Absolute path of the .onnx file. */
  readonly model: string;
  /** Hex digest that the file must have. */
  readonly sha256: string;
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
