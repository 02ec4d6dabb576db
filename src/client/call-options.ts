import { setMaxListeners } from "node:events";
import { type CallOptions as GrpcCallOptions, Metadata, type MetadataValue } from "@grpc/grpc-js";
import { COHORT_HEADER, PIN_HEADER, propagate, RELEASE_HEADER } from "../telemetry/trace.js";
import type { Hop } from "./hop.js";

/** A call that is being answered: any `Server…Call` of grpc-js. */
export interface IncomingCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  once(event: "cancelled", listener: () => void): unknown;
}

/** How one call is made. */
export interface CallOptions {
  /**
   * How long the call may take.
   * @default the connection's `deadlineMs` for unary calls; none for streams, which may rightly stay open for hours
   */
  readonly deadlineMs?: number | undefined;
  /** Asks the server for this revision, `r2`. @default the server, or the mesh, chooses */
  readonly revision?: string | undefined;
  /** Name of the group of callers that this one belongs to. @default the parent's */
  readonly cohort?: string | undefined;
  /** Revisions by contract, for this call and all that it sets off: `{"acme.ocr.v1": "r2"}`. @default the parent's */
  readonly pins?: Readonly<Record<string, string>> | undefined;
  /** Release of the fleet whose revisions alone answer this call and all that it sets off. @default the parent's */
  readonly release?: string | undefined;
  /** Further headers. They win over all others. */
  readonly metadata?: Readonly<Record<string, MetadataValue>> | undefined;
  /**
   * The call that is being answered, where this one is made to answer it: its trace headers, cohort, pins and release
   * are passed on, this call can't outlast its deadline, and its cancellation cancels this one.
   */
  readonly parent?: IncomingCall | undefined;
  /** Gives the call up: it fails with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Told of the call once it is over, before its answer is. */
  readonly onHop?: ((hop: Hop) => void) | undefined;
}

/** The headers of a call. */
export function toMetadata(options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(propagate(options.parent?.metadata))) metadata.set(name, value);
  if (options.revision !== undefined) metadata.set("flotilla-revision", options.revision);
  if (options.cohort !== undefined) metadata.set(COHORT_HEADER, options.cohort);
  if (options.pins) metadata.set(PIN_HEADER, formatPins(options.pins));
  if (options.release !== undefined) metadata.set(RELEASE_HEADER, options.release);
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
  return metadata;
}

/** What grpc-js has to know of a call: it may take as long as `deadlineMs` says, and no longer than its parent. */
export function toGrpcOptions({ deadlineMs, parent }: CallOptions): GrpcCallOptions {
  const own = deadlineMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + deadlineMs;
  return { deadline: Math.min(own, parent ? Number(parent.getDeadline()) : Number.POSITIVE_INFINITY) };
}

/** Whether the call has been given up before it was made. */
export function isCancelled({ signal, parent }: CallOptions): boolean {
  return (signal?.aborted ?? false) || (parent?.cancelled ?? false);
}

/**
 * Runs `cancel` once the call is to be given up: by its signal, or because its parent was.
 * @returns stops watching; to be called when the call is over
 */
export function watchCancellation({ signal, parent }: CallOptions, cancel: () => void): () => void {
  const signals = [signal, parent && cancellationOf(parent)].filter((found) => found !== undefined);
  for (const found of signals) found.addEventListener("abort", cancel, { once: true });
  return () => {
    for (const found of signals) found.removeEventListener("abort", cancel);
  };
}

/**
 * One listener for each parent, however many calls it makes: grpc-js's own propagation adds one for each call and never
 * removes it, which is a leak in a long stream.
 */
const cancellations = new WeakMap<IncomingCall, AbortSignal>();

function cancellationOf(parent: IncomingCall): AbortSignal {
  const known = cancellations.get(parent);
  if (known) return known;
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  parent.once("cancelled", () => controller.abort());
  cancellations.set(parent, controller.signal);
  return controller.signal;
}

function formatPins(pins: Readonly<Record<string, string>>): string {
  return Object.entries(pins)
    .map(([contract, revision]) => `${contract}=${revision}`)
    .join(",");
}
