import querystring from "node:querystring";
import { status } from "@grpc/grpc-js";
import type { Failure } from "../src/client/raw-calls.js";
import { PREFIX_BYTES } from "../src/grpc/message-reader.js";
import { grpcHeaders, grpcMessage } from "../test/support/http2-frames.js";
import { decodeHeaders, requestBlocks, saysOk } from "./header-blocks.js";
import { Http2Connection } from "./http2-connection.js";
import type { Calls } from "./round.js";

/** Which unary method is called, over and over, and with what. */
export interface GrpcCallOptions {
  readonly path: string;
  /** Encoded requests, sent in turn; at least one. */
  readonly requests: readonly Buffer[];
  /** Connections that the calls take in turn. */
  readonly connections: number;
  /** Silence after which a connection and its calls have failed, in milliseconds; a minute unless said. */
  readonly silenceMs?: number;
  readonly onAnswer?: (answer: Buffer) => void;
}

/** Longer than any model's run here; a call that hung would have no end. */
const SILENCE_MS = 60_000;

/**
 * Unary gRPC calls over bare frames.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class GrpcCalls implements Calls {
  readonly #messages: readonly Buffer[];
  readonly #connections: readonly Http2Connection[];
  readonly #onAnswer: ((answer: Buffer) => void) | undefined;
  #made = 0;
  failure: Failure | undefined;

  constructor(address: string, options: GrpcCallOptions) {
    const blocks = requestBlocks({
      ...grpcHeaders(options.path),
      ":authority": address,
      "content-type": "application/grpc+proto",
      "grpc-accept-encoding": "identity,deflate,gzip",
      "user-agent": "flotilla-bench",
    });
    this.#messages = options.requests.map((request) => grpcMessage(request));
    this.#onAnswer = options.onAnswer;
    const { connections, silenceMs = SILENCE_MS } = options;
    this.#connections = Array.from({ length: connections }, () => new Http2Connection(address, blocks, silenceMs));
  }

  make(done: (code: string) => void): void {
    const connection = this.#connections[this.#made % this.#connections.length]!;
    const message = this.#messages[this.#made % this.#messages.length]!;
    this.#made += 1;
    const chunks: Buffer[] = [];
    connection.request(message, {
      onData: this.#onAnswer && ((chunk) => chunks.push(chunk)),
      onEnd: (block, isTrailers) => {
        if (saysOk(block)) this.#answer(chunks, done);
        else this.#decode(block, isTrailers, () => this.#answer(chunks, done), done);
      },
      onFailure: (details) => this.#fail("UNAVAILABLE", details, done),
    });
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  #answer(chunks: readonly Buffer[], done: (code: string) => void): void {
    this.#onAnswer?.(Buffer.concat(chunks).subarray(PREFIX_BYTES));
    done("OK");
  }

  #decode(block: Buffer, isTrailers: boolean, onOk: () => void, done: (code: string) => void): void {
    decodeHeaders(block, isTrailers).then(
      (headers) => {
        const code = Number(headers["grpc-status"] ?? status.UNKNOWN);
        // Percent-encoded on the wire.
        const details = querystring.unescape(String(headers["grpc-message"] ?? ""));
        if (code === status.OK) onOk();
        else this.#fail(status[code] ?? String(code), details, done);
      },
      (error: Error) => this.#fail("INTERNAL", error.message, done),
    );
  }

  #fail(code: string, details: string, done: (code: string) => void): void {
    this.failure ??= { code, details };
    done(code);
  }
}
