import { status } from "@grpc/grpc-js";
import { CallError } from "../client/call-error.js";
import { Fault, type FaultReason } from "../contract/fault.js";

/** Codes of a callee's that say something to the composition's own caller. The others are the composition's fault. */
const REASONS: Partial<Record<status, FaultReason>> = {
  [status.INVALID_ARGUMENT]: "INVALID_INPUT",
  [status.FAILED_PRECONDITION]: "OUTSIDE_RELEASE",
  [status.DEADLINE_EXCEEDED]: "DEADLINE",
  [status.RESOURCE_EXHAUSTED]: "OVERLOADED",
  [status.UNAVAILABLE]: "CALLEE_UNAVAILABLE",
};

/**
 * Why a composition gave no answer.
 * @param label `acme.ocr.v1/r1`
 */
export function toFault(label: string, error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof CallError) return callFault(label, error);
  // A module that was bundled on its own brings its own class: the name tells.
  if ((error as Error)?.name === "TransformError")
    return new Fault("INVALID_INPUT", `${label}: ${(error as Error).message}`);
  const cause = (error as Error)?.stack ?? error;
  return new Fault("RUN_FAILED", `${label}: the composition failed on this request`, { cause });
}

function callFault(label: string, error: CallError): Fault {
  const { code, codeName, details, method, retryAfterMs } = error;
  const reason = REASONS[code];
  if (reason === undefined) {
    return new Fault("RUN_FAILED", `${label}: ${method} failed`, { cause: error.message });
  }
  return new Fault(reason, `${label}: ${method}: ${codeName}: ${details}`, {
    cause: error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
