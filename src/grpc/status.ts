import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { Fault, type FaultReason } from "../contract/fault.js";

/** The sole table from a fault to a gRPC code. */
const CODES: Record<FaultReason, status> = {
  INVALID_INPUT: status.INVALID_ARGUMENT,
  UNKNOWN_MODEL: status.NOT_FOUND,
  UNKNOWN_REVISION: status.NOT_FOUND,
  OVERLOADED: status.RESOURCE_EXHAUSTED,
  TOO_LARGE: status.RESOURCE_EXHAUSTED,
  NOT_READY: status.UNAVAILABLE,
  DRAINING: status.UNAVAILABLE,
  WORKER_LOST: status.UNAVAILABLE,
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
 * is for the log alone. OVERLOADED carries `grpc-retry-pushback-ms`.
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback
 */
export function toStatus(error: unknown, metadata = new Metadata()): StatusObject {
  if (!(error instanceof Fault)) return { code: status.INTERNAL, details: "internal error", metadata };
  if (error.retryAfterMs !== undefined) metadata.set("grpc-retry-pushback-ms", String(Math.ceil(error.retryAfterMs)));
  return { code: toCode(error), details: shorten(error.message), metadata };
}

/** Longest text of a status: it travels as a header, where a character takes up to nine bytes and clients allow 8 KiB. */
const MAX_DETAILS = 800;

function shorten(text: string): string {
  return text.length <= MAX_DETAILS ? text : `${text.slice(0, MAX_DETAILS)}…`;
}
