import type { Http2Server, ServerHttp2Session, ServerOptions } from "node:http2";
import type { ServerOptions as GrpcServerOptions, Server } from "@grpc/grpc-js";

/**
 * What one call may send before the server has read it, and what all calls of one connection may. HTTP/2's own 64 KiB make
 * the caller of a tensor of hundreds of KB wait for leave ten times.
 */
export const STREAM_WINDOW_BYTES = 4 * 2 ** 20;
export const CONNECTION_WINDOW_BYTES = 16 * 2 ** 20;
/** Longest frame that callers may send: of HTTP/2's own 16 KiB, a call of 600 KB has forty, and each costs. */
export const MAX_FRAME_BYTES = 2 ** 20;

/** When connections end, and how the server finds out that a caller is gone. */
export interface ConnectionLimits {
  /**
   * How long a connection is used: then its caller is told to open another, as load is balanced by connection where no
   * mesh does it. Open calls are answered. Undefined: for ever.
   */
  readonly maxAgeMs: number | undefined;
  /** Silence after which a caller is asked whether it is there. */
  readonly keepaliveMs: number;
  /** How long it may take to say so. @default 20 s */
  readonly keepaliveTimeoutMs?: number;
}

const KEEPALIVE_TIMEOUT_MS = 20_000;

/** What grpc-js has options for. */
export function connectionOptions({
  maxAgeMs,
  keepaliveMs,
  keepaliveTimeoutMs = KEEPALIVE_TIMEOUT_MS,
}: ConnectionLimits): GrpcServerOptions {
  return {
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
    // Nobody reads those counts, and counting costs.
    "grpc.enable_channelz": 0,
    ...(maxAgeMs === undefined ? {} : { "grpc.max_connection_age_ms": maxAgeMs }),
  };
}

/** What grpc-js 1.14 keeps of Node's HTTP/2 servers. It has no option for their windows, nor for who answers a stream. */
interface ServerParts {
  readonly commonServerOptions: ServerOptions;
  readonly http2Servers: ReadonlyMap<Http2Server, unknown>;
}

/** Lets callers send large messages in few and large frames. To be called before `bindAsync`. */
export function widenStreams(server: Server): void {
  const { commonServerOptions } = server as unknown as ServerParts;
  commonServerOptions.settings = {
    ...commonServerOptions.settings,
    initialWindowSize: STREAM_WINDOW_BYTES,
    maxFrameSize: MAX_FRAME_BYTES,
  };
}

/** The same for connections. To be called after `bindAsync`. */
export function widenConnections(server: Server): void {
  for (const listener of listenersOf(server)) {
    listener.on("session", (session: ServerHttp2Session) => {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
  }
}

/** Node's HTTP/2 servers that a grpc-js server listens with: none before `bindAsync`. */
export function listenersOf(server: Server): Iterable<Http2Server> {
  return (server as unknown as ServerParts).http2Servers.keys();
}
