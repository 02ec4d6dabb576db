import { Metadata, type ServerDuplexStream, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { Fault } from "../contract/fault.js";
import type { Model, Timing } from "../serving/inference.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";
import { toStatus } from "./status.js";

/** Request metadata by which a caller picks a revision. */
export const REVISION_HEADER = "flotilla-revision";
const DIGEST_HEADER = "flotilla-model-digest";
const TIMING_HEADER = "flotilla-server-timing";

type AnyCall = ServerUnaryCall<unknown, unknown> | ServerDuplexStream<unknown, unknown>;

/** The call's deadline in absolute epoch milliseconds; Infinity where it has none. */
export function deadlineOf(call: AnyCall): number {
  const deadline = call.getDeadline();
  return deadline instanceof Date ? deadline.getTime() : deadline;
}

/** The revision that the caller asks for, if any. */
export function wantedRevision(metadata: Metadata): string | undefined {
  const [value] = metadata.get(REVISION_HEADER);
  return value === undefined ? undefined : String(value);
}

/** Trailing metadata that says who answered, and with `timing` where the time went (milliseconds). */
export function answerTrailers(
  model: Model,
  timing?: Timing & { readonly codecMs: number; readonly totalMs: number },
): Metadata {
  const trailers = new Metadata();
  trailers.set(REVISION_HEADER, model.revision);
  if (model.digest !== undefined) trailers.set(DIGEST_HEADER, model.digest);
  if (timing) trailers.set(TIMING_HEADER, formatTiming(timing));
  return trailers;
}

function formatTiming({
  queueMs,
  batchMs,
  inferMs,
  codecMs,
  totalMs,
}: Timing & { codecMs: number; totalMs: number }): string {
  return `queue=${queueMs.toFixed(3)}, batch=${batchMs.toFixed(3)}, infer=${inferMs.toFixed(3)}, codec=${codecMs.toFixed(3)}, total=${totalMs.toFixed(3)}`;
}

/** One call that was answered. */
export interface CallRecord {
  readonly contract: string;
  /** Empty where none was found. */
  readonly revision: string;
  /** `Predict`, `ModelInfer`. */
  readonly method: string;
  /** Whatever was thrown; undefined where the call went well. */
  readonly fault: unknown;
  readonly elapsedMs: number;
}

/** Told of every call that was answered. */
export type CallObserver = (record: CallRecord) => void;

/** Counts calls in the metrics, and logs what is no `Fault`: the caller is told nothing of it. */
export function callObserver(metrics: Metrics, log: Log): CallObserver {
  return ({ contract, revision, method, fault, elapsedMs }) => {
    const code = fault === undefined ? status.OK : toStatus(fault).code;
    metrics.requests.inc({ contract, revision, method, code: status[code] });
    metrics.duration.observe({ contract, revision }, elapsedMs / 1e3);
    if (fault !== undefined && !(fault instanceof Fault)) {
      log.error(
        { contract, revision, method, error: (fault as Error)?.stack ?? String(fault) },
        "a call failed for no fault of its caller",
      );
    }
  };
}
