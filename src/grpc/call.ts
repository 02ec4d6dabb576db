import { type ServerDuplexStream, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { Fault } from "../contract/fault.js";
import type { Model, Timing, Wanted } from "../serving/inference.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";
import { type IncomingHeaders, RELEASE_HEADER, RELEASE_REVISION_HEADER, RELEASE_TRAILER } from "../telemetry/trace.js";
import { type Trailers, toStatus } from "./status.js";

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

/** What the caller, or the mesh for it, says of the revision that shall answer. */
export function wantedOf(headers: IncomingHeaders): Wanted {
  const release = headerOf(headers, RELEASE_HEADER);
  return {
    revision: headerOf(headers, REVISION_HEADER),
    release: release === undefined ? undefined : { name: release, ledTo: headerOf(headers, RELEASE_REVISION_HEADER) },
  };
}

function headerOf(headers: IncomingHeaders, name: string): string | undefined {
  const [value] = headers.get(name);
  return value === undefined ? undefined : String(value);
}

/**
 * Trailing metadata that says who answered.
 * @param wanted.release the release that the call named
 * @param timing as `formatTiming` has it
 */
export function answerTrailers(model: Model, { release }: Pick<Wanted, "release">, timing?: string): Trailers {
  const trailers: Record<string, string> = { [REVISION_HEADER]: model.revision };
  if (model.digest !== undefined) trailers[DIGEST_HEADER] = model.digest;
  if (release !== undefined) trailers[RELEASE_TRAILER] = release.name;
  if (timing !== undefined) trailers[TIMING_HEADER] = timing;
  return trailers;
}

/** Where an answer's time went: `queue=0.012, batch=0.003, infer=0.010, codec=0.004, total=0.041`, in milliseconds. */
export function formatTiming({ queueMs, batchMs, inferMs }: Timing, codecMs: number, totalMs: number): string {
  return `queue=${formatMs(queueMs)}, batch=${formatMs(batchMs)}, infer=${formatMs(inferMs)}, codec=${formatMs(codecMs)}, total=${formatMs(totalMs)}`;
}

const THOUSANDTHS = Array.from({ length: 1000 }, (_, micros) => String(micros).padStart(3, "0"));

/** With three decimals. Number's own `toFixed` takes four times as long, which is felt at five a call. */
function formatMs(ms: number): string {
  const micros = Math.round(ms * 1e3);
  const whole = Math.floor(micros / 1e3);
  return `${whole}.${THOUSANDTHS[micros - whole * 1e3]}`;
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

/** Counts open streams in the metrics: told of a stream that has begun; what it returns is to be told of its end. */
export function streamObserver({ openStreams }: Metrics): (model: Model) => () => void {
  return ({ contract, revision }) => {
    openStreams.inc({ contract, revision });
    return () => openStreams.dec({ contract, revision });
  };
}

/** Counts calls in the metrics, and logs what is no `Fault`: the caller is told nothing of it. */
export function callObserver(metrics: Metrics, log: Log): CallObserver {
  return ({ contract, revision, method, fault, elapsedMs }) => {
    const code = fault === undefined ? status.OK : toStatus(fault).code;
    const figures = metrics.models.of({ contract, revision });
    figures.answered(method, status[code]);
    figures.duration.observe(elapsedMs / 1e3);
    if (fault !== undefined && !(fault instanceof Fault)) {
      log.error(
        { contract, revision, method, error: (fault as Error)?.stack ?? String(fault) },
        "a call failed for no fault of its caller",
      );
    }
  };
}
