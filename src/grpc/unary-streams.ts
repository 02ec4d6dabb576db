import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import type { UnaryHandler } from "./unary-call.js";
import { type UnaryOptions, UnaryStream } from "./unary-stream.js";
import { listenersOf } from "./wire-settings.js";

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/**
 * Has `UnaryStream` answer the plain calls of some unary methods. All other calls, and those of these methods that are out
 * of the ordinary, stay with grpc-js, which is to have all methods. To be called after `bindAsync`.
 * @param methods by their paths, `/acme.fraud.v1.FraudService/Predict`
 */
export function answerUnaryCalls(
  server: Server,
  methods: ReadonlyMap<string, UnaryHandler>,
  options: UnaryOptions,
): void {
  const served = new Map([...methods].map(([path, handler]) => [path, { handler, ...options }]));
  for (const listener of listenersOf(server)) {
    const [others] = listener.listeners("stream") as StreamListener[];
    listener.removeAllListeners("stream");
    listener.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const method = served.get(headers[":path"]!);
      const timeoutMs = isPlain(headers) ? timeoutOf(headers) : undefined;
      if (method === undefined || timeoutMs === undefined) others!(stream, headers);
      else new UnaryStream(stream, headers, timeoutMs, method).open();
    });
  }
}

/** Whether it is gRPC, and says of nothing that it is compressed. */
function isPlain({ "content-type": type, "grpc-encoding": encoding }: IncomingHttpHeaders): boolean {
  return type?.startsWith("application/grpc") === true && (encoding === undefined || encoding === "identity");
}

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
/** The longest that Node's timers count. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * How long the call has; Infinity where it does not say, undefined where it says what can't be.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Timeout)
 */
function timeoutOf({ "grpc-timeout": header }: IncomingHttpHeaders): number | undefined {
  if (header === undefined) return Number.POSITIVE_INFINITY;
  const [, count, unit] = TIMEOUT.exec(String(header)) ?? [];
  if (count === undefined) return undefined;
  const timeoutMs = Number(count) * UNIT_MS[unit!]!;
  return timeoutMs <= MAX_TIMEOUT_MS ? timeoutMs : undefined;
}
