/** Why a call was not answered. `grpc/status.ts` says which gRPC code each is. */
export type FaultReason =
  /** The message is not valid protobuf, or a field holds what its binding does not allow. */
  | "INVALID_INPUT"
  | "UNKNOWN_MODEL"
  | "UNKNOWN_REVISION"
  /** The call names a release, and no revision of it is here. */
  | "OUTSIDE_RELEASE"
  /** The queue is full; the message says for how long. */
  | "OVERLOADED"
  /** A message or an answer is larger than the limit. */
  | "TOO_LARGE"
  /** A stream has had all that it may have, or its caller all the streams. */
  | "STREAM_LIMIT"
  /** Nothing moved in a stream for too long. */
  | "STREAM_IDLE"
  /** The state that a stream is to go on from is another model's. */
  | "STATE_MISMATCH"
  | "NOT_READY"
  | "DRAINING"
  /** The worker that held the call died. */
  | "WORKER_LOST"
  /** A contract that the composition calls could not be reached, or was not ready. */
  | "CALLEE_UNAVAILABLE"
  | "DEADLINE"
  | "CANCELLED"
  /** The operator has not allowed it. */
  | "NOT_ALLOWED"
  | "UNSUPPORTED"
  /** The model failed. The cause is for the log, never for the caller. */
  | "RUN_FAILED";

/** A call's failure, said so that the caller can mend it. */
export class Fault extends Error {
  readonly reason: FaultReason;
  /** For OVERLOADED: when a retry is likely to be taken, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: FaultReason, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, { cause: options.cause });
    this.name = "Fault";
    this.reason = reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A fault of the caller's input. */
export function invalid(message: string): Fault {
  return new Fault("INVALID_INPUT", message);
}
