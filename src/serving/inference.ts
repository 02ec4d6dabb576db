import type { Fault } from "../contract/fault.js";
import type { Signature } from "../contract/signature.js";
import type { Tensor } from "../contract/tensor.js";
import type { HopSummary } from "../telemetry/made-hops.js";
import type { IncomingHeaders } from "../telemetry/trace.js";

/** One call's work for a model, in tensors. */
export interface TensorWork {
  readonly kind: "tensors";
  /** One tensor for each input of the signature, in any order. Names, datatypes and shapes have been checked. */
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted; all of them by default. */
  readonly outputs?: readonly string[];
}

/** One call's work for a model with a transform, or for a composition: the request message as it came. */
export interface MessageWork {
  readonly kind: "message";
  /** `Predict`. */
  readonly method: string;
  /** The call's headers, for those whom a composition calls. */
  readonly headers: IncomingHeaders;
  /** Full protobuf name of the request message, `acme.digits.v1.PredictRequest`. */
  readonly requestType: string;
  /** Full protobuf name of the response message. */
  readonly responseType: string;
  readonly request: Uint8Array<ArrayBuffer>;
}

/** One call's work. */
export type Work = TensorWork | MessageWork;

/** Where a call's time went inside the server, in milliseconds. */
export interface Timing {
  /** Waiting for a worker. */
  readonly queueMs: number;
  /** Joining, splitting, and the way to the worker and back. */
  readonly batchMs: number;
  /** The model's own run (with a transform, its steps too). */
  readonly inferMs: number;
}

/** What became of a call's work. */
export type Outcome =
  | { readonly ok: true; readonly kind: "tensors"; readonly outputs: readonly Tensor[]; readonly timing: Timing }
  | {
      readonly ok: true;
      readonly kind: "message";
      readonly response: Uint8Array<ArrayBuffer>;
      readonly timing: Timing;
      /** Whom a composition called for it. */
      readonly hops?: readonly HopSummary[];
    }
  | { readonly ok: false; readonly fault: Fault };

/** Where a model stands. */
export type ModelState =
  /** Reading, checking, warming up. */
  | "LOADING"
  | "READY"
  /** It could not be loaded; `problem` says why. */
  | "FAILED"
  /** Taken out by an operator's call. */
  | "UNLOADED";

/** How often and how long, since the model was loaded. Times in milliseconds. */
export interface Tally {
  readonly count: number;
  readonly totalMs: number;
}

/** True figures of a model's work, as `ModelStatistics` of the Open Inference Protocol's extensions reports them. */
export interface ModelStatistics {
  /** Rows inferred, and runs of the model. */
  readonly inferenceCount: number;
  readonly executionCount: number;
  /** Epoch milliseconds of the last call, 0 before the first. */
  readonly lastInferenceMs: number;
  readonly success: Tally;
  readonly fail: Tally;
  readonly queue: Tally;
  readonly computeInput: Tally;
  readonly computeInfer: Tally;
  readonly computeOutput: Tally;
  /** Runs by number of rows. */
  readonly batches: ReadonlyMap<number, { readonly count: number; readonly inferMs: number }>;
}

/** One revision of a contract, served. */
export interface Model {
  /** `acme.fraud.v1`, or a folder's name in a bare model repository. */
  readonly contract: string;
  /** `r1`, or a folder's number in a bare model repository. */
  readonly revision: string;
  readonly state: ModelState;
  /** With FAILED: what is wrong and what to do. */
  readonly problem: string | undefined;
  /** Known once loaded. A composition has none. */
  readonly signature: Signature | undefined;
  /** sha256 of the model's file, or of the composition's sources, in hex. Known once loaded. */
  readonly digest: string | undefined;
  /** Rows that one run may hold; 1 where calls are not batched. */
  readonly maxBatchRows: number;
  /** False where the next call loads the model first; left out where models stay loaded. */
  readonly resident?: boolean;
  /** Calls that wait for a worker, and how many may. */
  readonly waiting: number;
  readonly queueSize: number;
  readonly statistics: ModelStatistics;
  /**
   * Takes the work on, or refuses it. `settle` is called exactly once, never before this returns.
   * @param deadlineMs absolute epoch milliseconds; Infinity for none
   * @returns gives the call up: settles it with CANCELLED unless it has been settled
   */
  submit(work: Work, deadlineMs: number, settle: (outcome: Outcome) => void): () => void;
}

/** Which revision a call asks for. */
export interface Wanted {
  readonly revision?: string | undefined;
  readonly release?: NamedRelease | undefined;
}

/** A release that a call names. */
export interface NamedRelease {
  readonly name: string;
  /** What the release's route in the mesh led the call to, `acme.ocr.v1=r2`; undefined: no such route did. */
  readonly ledTo: string | undefined;
}

/** All that a server serves. */
export interface Repository {
  /** Every model, in the order of the fleet file. */
  readonly models: readonly Model[];
  /**
   * The revision of a contract; without one, that of the release, or else the first that the traffic table names (a bare
   * repository: the highest).
   * @throws Fault UNKNOWN_MODEL, UNKNOWN_REVISION, OUTSIDE_RELEASE, whose message lists what there is
   */
  find(contract: string, wanted?: Wanted): Model;
  /** Whether start-up is over and at least one model is ready. */
  readonly ready: boolean;
  /**
   * Loads a contract's revisions again, new folders of a bare repository included.
   * @throws Fault UNKNOWN_MODEL, NOT_READY with what failed
   */
  load(contract: string): Promise<void>;
  /**
   * Takes a contract's revisions out of service, once what they hold is answered.
   * @throws Fault UNKNOWN_MODEL
   */
  unload(contract: string): Promise<void>;
}
