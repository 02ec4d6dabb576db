import type { Metadata, status } from "@grpc/grpc-js";
import { HOPS_TRAILER, type HopSummary, parseHops } from "../telemetry/made-hops.js";
import { RELEASE_TRAILER } from "../telemetry/trace.js";

/** Where a call's time went inside the server, in milliseconds, as its trailer `flotilla-server-timing` says. */
export interface ServerTiming {
  /** Waiting for a worker. */
  readonly queueMs?: number;
  /** Joining, splitting, and the way to the worker and back. */
  readonly batchMs?: number;
  /** The model's own run. */
  readonly inferMs?: number;
  /** Reading the request and writing the answer. */
  readonly codecMs?: number;
  /** From the request's last byte to the answer's first. */
  readonly totalMs?: number;
}

/** One call from one service to another, once it is over. */
export interface Hop {
  /** Who called. */
  readonly from: string;
  /** The contract that was called, `acme.fraud.v1`. */
  readonly to: string;
  /** `Predict`. */
  readonly method: string;
  /** `host:port` of the channel. */
  readonly target: string;
  /** The revision that answered; undefined where no Flotilla server did. */
  readonly revision: string | undefined;
  /** Hex sha256 of the model that answered. */
  readonly modelDigest: string | undefined;
  /** The release that the call named and that answered it; undefined where it named none. */
  readonly release: string | undefined;
  readonly code: status;
  /** From the call to its status, as the caller saw it. */
  readonly elapsedMs: number;
  /** What the server says of itself; undefined for streams and for calls that failed. */
  readonly server: ServerTiming | undefined;
  /**
   * Elapsed time less the server's total: network, proxies, connection, and the caller's own encoding. Undefined where
   * the server says nothing.
   */
  readonly overheadMs: number | undefined;
  /** Whom the server called for its answer, where it is a composition. */
  readonly hops: readonly HopSummary[];
}

/** What the trailers of an answer say about it. */
export function readTrailers(
  trailers: Metadata,
  elapsedMs: number,
): Pick<Hop, "revision" | "modelDigest" | "release" | "server" | "overheadMs" | "hops"> {
  const timing = text(trailers, "flotilla-server-timing");
  const server = timing === undefined ? undefined : parseServerTiming(timing);
  return {
    revision: text(trailers, "flotilla-revision"),
    modelDigest: text(trailers, "flotilla-model-digest"),
    release: text(trailers, RELEASE_TRAILER),
    server,
    // Two clocks' roundings must not make it negative.
    overheadMs: server?.totalMs === undefined ? undefined : Math.max(0, elapsedMs - server.totalMs),
    hops: parseHops(text(trailers, HOPS_TRAILER) ?? ""),
  };
}

/** Reads `queue=0.1, infer=1.3, total=1.7`. What it does not know, or can't read, it leaves out. */
export function parseServerTiming(header: string): ServerTiming {
  const timing: Record<string, number> = {};
  for (const [, name, value] of header.matchAll(/\b(queue|batch|infer|codec|total)=(\d+(?:\.\d+)?)/g)) {
    timing[`${name}Ms`] = Number(value);
  }
  return timing;
}

function text(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return value === undefined ? undefined : String(value);
}
