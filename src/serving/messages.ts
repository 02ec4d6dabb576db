import type { FaultReason } from "../contract/fault.js";
import type { Signature } from "../contract/signature.js";
import type { Tensor } from "../contract/tensor.js";
import type { Padding, PaddingSettings } from "./padding.js";

/** All that a worker has to know; passed as its `workerData`. */
export interface WorkerSettings {
  /** `acme.fraud.v1/r1`, for messages. */
  readonly label: string;
  /** Absolute path of the .onnx file. */
  readonly modelPath: string;
  /** Absolute folder that the model's files have to lie in. */
  readonly modelRoot: string;
  /** Hex digest the file must have; undefined: whatever it has. */
  readonly sha256: string | undefined;
  /** Threads that one run uses. */
  readonly threads: number;
  /** Rows that one run may hold, so that warming up tries as many. */
  readonly maxBatchRows: number;
  /** How calls of other lengths may share a run, once the model was seen to take it; undefined: they don't. */
  readonly padding?: PaddingSettings | undefined;
  /** What the model has to fit; undefined where a transform says it, or nothing does. */
  readonly signature: Signature | undefined;
  readonly transform: TransformSettings | undefined;
}

/** Where a contract's transform is, and what decodes its messages. */
export interface TransformSettings {
  /** Absolute path of the module. */
  readonly path: string;
  /** The contract's `FileDescriptorSet`. */
  readonly image: Uint8Array;
  /** The messages of the method that warming up tries. */
  readonly requestType: string;
  readonly responseType: string;
  /** How long one of its steps may take before its request fails. */
  readonly stepLimitMs: number;
}

/** What a worker is started with. */
export interface WorkerData {
  readonly settings: WorkerSettings;
  /** Numbers of jobs that nobody waits for any longer, each at `number & 1`: a worker holds two at most. */
  readonly withdrawn: Int32Array<SharedArrayBuffer>;
}

/** From the pool to a worker, which does one after another. */
export type ToWorker = JobRequest | PingRequest | CloseRequest;

/** Do a job, unless it has been withdrawn or its time is over by then. */
export interface JobRequest {
  readonly kind: "job";
  readonly number: number;
  /** Epoch milliseconds; Infinity for none. */
  readonly notAfterMs: number;
  readonly request: RunRequest | AnswerRequest;
}

/** Run the model once. The tensors' buffers are transferred. */
export interface RunRequest {
  readonly kind: "run";
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[] | undefined;
}

/** Answer messages through the transform, in as few runs as their shapes allow. */
export interface AnswerRequest {
  readonly kind: "answer";
  readonly requestType: string;
  readonly responseType: string;
  readonly requests: readonly Uint8Array<ArrayBuffer>[];
}

/** Answer at once: how long the way to the worker and back takes is measured. */
export interface PingRequest {
  readonly kind: "ping";
}

/** Finish what is running, release the session, end. */
export interface CloseRequest {
  readonly kind: "close";
}

/** From a worker to the pool. */
export type FromWorker = ReadyMessage | FailedMessage | RanMessage | AnsweredMessage | FaultMessage | PongMessage;

/** What a run takes by its rows, as measured when the model is warm. */
export interface RunCost {
  readonly firstRowMs: number;
  readonly nextRowMs: number;
}

/** The model is loaded, fits, and is warm. */
export interface ReadyMessage {
  readonly kind: "ready";
  readonly signature: Signature;
  readonly digest: string;
  /** Bytes of the model's files. */
  readonly modelBytes: number;
  /** One warm run, in milliseconds; undefined where no warm-up run succeeded. */
  readonly inferMs: number | undefined;
  /** What a run takes; undefined where that is too long for the server's own thread, or can't be told beforehand. */
  readonly cost: RunCost | undefined;
  /** Whether several calls may share a run: rows count from 0 and none changes another's answer. */
  readonly batchable: boolean;
  /** How calls of other lengths share a run; undefined: they don't. */
  readonly padding: Padding | undefined;
  /** Why warming up did not succeed, or why calls can't share runs though the operator asked for it. */
  readonly warning: string | undefined;
}

/** The answer to a `PingRequest`. */
export interface PongMessage {
  readonly kind: "pong";
}

/** The model can't be served; the worker ends. */
export interface FailedMessage {
  readonly kind: "failed";
  readonly problem: string;
}

/** A run's outputs; their buffers are transferred. */
export interface RanMessage {
  readonly kind: "ran";
  readonly outputs: readonly Tensor[];
  readonly span: Span;
}

/** What became of each request of an `AnswerRequest`, in its order. */
export interface AnsweredMessage {
  readonly kind: "answered";
  /** Undefined: the others would have waited for it; it is to be asked for again, by itself. */
  readonly answers: readonly (Answer | undefined)[];
  /** Rows of each run. */
  readonly runs: readonly number[];
  readonly span: Span;
}

/** One request's answer, or its fault: an Error does not keep its reason on the way between threads. */
export type Answer =
  | { readonly ok: true; readonly response: Uint8Array<ArrayBuffer> }
  | ({ readonly ok: false } & FaultFacts);

/** The run failed as a whole. */
export interface FaultMessage extends FaultFacts {
  readonly kind: "fault";
}

export interface FaultFacts {
  readonly reason: FaultReason;
  /** For the caller. */
  readonly message: string;
  /** For the log. */
  readonly cause: string | undefined;
}

/** When a run began and ended, by the clock that all threads of a process share. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** Milliseconds of the clock that all threads of this process share (`performance.now` starts anew in each). */
export function processClockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
