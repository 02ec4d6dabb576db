import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { Fault, type FaultReason } from "../contract/fault.js";

/** Trailing metadata by its names; none is binary. */
export type Trailers = Readonly<Record<string, string>>;

/** How a call that failed ends. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly trailers: Trailers;
}

/** Trailing metadata of a failed call: the fault's reason, for programs. */
const REASON_TRAILER = "flotilla-reason";

/** The sole table from a fault to a gRPC code. */
const CODES: Record<FaultReason, status> = {
  INVALID_INPUT: status.INVALID_ARGUMENT,
  UNKNOWN_MODEL: status.NOT_FOUND,
  UNKNOWN_REVISION: status.NOT_FOUND,
  OUTSIDE_RELEASE: status.FAILED_PRECONDITION,
  OVERLOADED: status.RESOURCE_EXHAUSTED,
  TOO_LARGE: status.RESOURCE_EXHAUSTED,
  STREAM_LIMIT: status.RESOURCE_EXHAUSTED,
  // Of the codes that mean "begin anew" the one that is no failure of the server's.
  STREAM_IDLE: status.ABORTED,
  STATE_MISMATCH: status.FAILED_PRECONDITION,
  NOT_READY: status.UNAVAILABLE,
  DRAINING: status.UNAVAILABLE,
  WORKER_LOST: status.UNAVAILABLE,
  CALLEE_UNAVAILABLE: status.UNAVAILABLE,
  DEADLINE: status.DEADLINE_EXCEEDED,
  CANCELLED: status.CANCELLED,
  NOT_ALLOWED: status.PERMISSION_DENIED,
  UNSUPPORTED: status.UNIMPLEMENTED,
  RUN_FAILED: status.INTERNAL,
};

/** The gRPC code of a fault. */
export function toCode(fault: Fault): status {
  return CODES[fault.reason];
}

/**
 * The gRPC status of anything thrown. What is no `Fault` is a fault of ours: INTERNAL with a fixed text, its own text
 * is for the log alone. A fault's reason is in the trailer `flotilla-reason`; OVERLOADED carries `grpc-retry-pushback-ms`.
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback
 */
export function toStatus(error: unknown, trailers: Trailers = {}): CallStatus {
  if (!(error instanceof Fault)) return { code: status.INTERNAL, details: "internal error", trailers };
  const told: Record<string, string> = { ...trailers, [REASON_TRAILER]: error.reason };
  if (error.retryAfterMs !== undefined) told["grpc-retry-pushback-ms"] = String(Math.ceil(error.retryAfterMs));
  return { code: toCode(error), details: shorten(error.message), trailers: told };
}

/** The same as grpc-js has it; `metadata` is what the trailers are added to. */
export function toStatusObject(error: unknown, metadata = new Metadata()): StatusObject {
  const { code, details, trailers } = toStatus(error);
  return { code, details, metadata: metadataOf(trailers, metadata) };
}

/** Trailers as grpc-js has them, in `metadata`. */
export function metadataOf(trailers: Trailers, metadata = new Metadata()): Metadata {
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  return metadata;
}

/** Longest text of a status: it travels as a header, where a character takes up to nine bytes and clients allow 8 KiB. */
const MAX_DETAILS = 800;

/** Text that is cut, here or before, may end in half a character, which can't be written as a header. */
function shorten(text: string): string {
  const short = text.length <= MAX_DETAILS ? text : `${text.slice(0, MAX_DETAILS)}…`;
  return short.replace(/\p{Surrogate}/gu, "\ufffd");
}
