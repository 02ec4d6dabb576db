/** A fleet as the rest of the code reads it: checked, defaults filled in, paths absolute, durations in milliseconds. */
export interface FleetSpec {
  /** Absolute folder that the fleet file's paths are relative to. */
  readonly root: string;
  readonly name: string;
  readonly namespace: string;
  /** In the file's order. */
  readonly contracts: readonly ContractSpec[];
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
}

/** One immutable model that serves a contract. */
export interface RevisionSpec {
  readonly name: string;
  /** Absolute path of the .onnx file. */
  readonly model: string;
  /** Hex digest that the file must have. */
  readonly sha256: string;
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
}

/** What one pod asks for and may use. */
export interface ResourceSpec {
  /** Processors, fractions allowed. */
  readonly cpu: number;
  readonly memoryBytes: number;
}

export interface ReplicaSpec {
  readonly min: number;
  readonly max: number;
  readonly cpuUtilizationPercent: number;
}
