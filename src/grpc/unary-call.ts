import type { handleUnaryCall, Metadata } from "@grpc/grpc-js";
import type { IncomingHeaders } from "../telemetry/trace.js";
import { deadlineOf } from "./call.js";
import { type CallStatus, metadataOf, type Trailers } from "./status.js";

/** A unary call whose request has come, whoever read it off the wire. */
export interface UnaryCall {
  readonly request: Buffer<ArrayBuffer>;
  readonly headers: IncomingHeaders;
  /** Absolute epoch milliseconds; Infinity for none. */
  readonly deadlineMs: number;
  /** All headers, as grpc-js has them. They are made at each call of this. */
  metadata(): Metadata;
}

/** What a unary call is answered with. */
export type UnaryAnswer =
  | { readonly ok: true; readonly message: Buffer; readonly trailers: Trailers }
  | { readonly ok: false; readonly status: CallStatus };

/**
 * Answers unary calls. `settle` is called exactly once for each, for some before this returns.
 * @returns gives the call up
 */
export type UnaryHandler = (call: UnaryCall, settle: (answer: UnaryAnswer) => void) => () => void;

/** The handler as grpc-js takes one. */
export function grpcHandler(handler: UnaryHandler): handleUnaryCall<Buffer<ArrayBuffer>, Buffer> {
  return (call, callback) => {
    const { request, metadata } = call;
    const giveUp = handler(
      { request, headers: metadata, deadlineMs: deadlineOf(call), metadata: () => metadata },
      (answer) => {
        if (answer.ok) return callback(null, answer.message, metadataOf(answer.trailers));
        const { code, details, trailers } = answer.status;
        callback({ code, details, metadata: metadataOf(trailers) });
      },
    );
    call.on("cancelled", giveUp);
  };
}
