import { Metadata, type ServiceError, status } from "@grpc/grpc-js";

/** What there is to say of a failed call. */
export interface CallFailure {
  readonly code: status;
  readonly details: string;
  readonly method: string;
  readonly target: string;
  readonly metadata?: Metadata;
  readonly cause?: unknown;
}

/** A call that failed: its gRPC code, what the server said, and whom it was that we asked. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly code: status;
  /** The code's name, `INVALID_ARGUMENT`. */
  readonly codeName: string;
  /** The server's own words, or grpc-js's where no server answered. */
  readonly details: string;
  /** `acme.fraud.v1.FraudService/Predict`. */
  readonly method: string;
  /** `host:port` of the channel. */
  readonly target: string;
  /** Trailing metadata. */
  readonly metadata: Metadata;

  constructor(failure: CallFailure) {
    super(`${failure.method} at ${failure.target}: ${status[failure.code]}: ${failure.details}`, {
      cause: failure.cause,
    });
    this.code = failure.code;
    this.codeName = status[failure.code];
    this.details = failure.details;
    this.method = failure.method;
    this.target = failure.target;
    this.metadata = failure.metadata ?? new Metadata();
  }

  /** When the server is likely to take the call, in milliseconds from now; undefined where it doesn't say. */
  get retryAfterMs(): number | undefined {
    const [value] = this.metadata.get("grpc-retry-pushback-ms");
    const milliseconds = Number(value);
    return value === undefined || !(milliseconds >= 0) ? undefined : milliseconds;
  }
}

/** What grpc-js throws, as a `CallError`; anything else as it is. */
export function toCallError(error: unknown, method: string, target: string): unknown {
  if (!isServiceError(error)) return error;
  const { code, details, metadata } = error;
  return new CallError({ code, details, metadata, method, target, cause: error });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && typeof (error as Partial<ServiceError>).code === "number" && "metadata" in error;
}
