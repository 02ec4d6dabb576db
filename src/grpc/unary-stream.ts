import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Metadata, status } from "@grpc/grpc-js";
import { Fault } from "../contract/fault.js";
import type { IncomingHeaders } from "../telemetry/trace.js";
import { MessageReader, PREFIX_BYTES } from "./message-reader.js";
import type { OpenCalls } from "./open-calls.js";
import { type CallStatus, toStatus } from "./status.js";
import type { UnaryAnswer, UnaryCall, UnaryHandler } from "./unary-call.js";

/** How unary calls are answered. */
export interface UnaryOptions {
  /** Largest request in bytes. */
  readonly maxMessageBytes: number;
  /** Counts each call from its request on. */
  readonly openCalls: OpenCalls;
}

interface StreamOptions extends UnaryOptions {
  readonly handler: UnaryHandler;
}

const RESPONSE_HEADERS: OutgoingHttpHeaders = { ":status": 200, "content-type": "application/grpc+proto" };
/** Node copies the options and sets `endStream`; where the copy has none, V8 makes a hidden class for each, for ever. */
const WITH_TRAILERS = { endStream: false, waitForTrailers: true };
const WITHOUT_MESSAGE = { endStream: true };
/** Answers up to this size are copied behind their prefix: two chunks of a stream cost more. */
const COPIED_BYTES = 1 << 14;

/**
 * One unary call on a stream of Node's HTTP/2, without grpc-js: that prepares each call for interceptors, compression
 * and streaming, and waits until the message is written before it says how the call ended, which is a third of what it
 * takes for a small one.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class UnaryStream implements UnaryCall {
  readonly headers: IncomingHeaders;
  readonly deadlineMs: number;
  readonly #stream: ServerHttp2Stream;
  readonly #rawHeaders: IncomingHttpHeaders;
  readonly #options: StreamOptions;
  readonly #reader: MessageReader;
  readonly #timer: NodeJS.Timeout | undefined;
  #request: Buffer<ArrayBuffer> | undefined;
  #running = false;
  #settled = false;
  #giveUp = (): void => {};

  /** @param timeoutMs how long the call has; Infinity for ever */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, timeoutMs: number, options: StreamOptions) {
    this.headers = new StreamHeaders(headers);
    this.#stream = stream;
    this.#rawHeaders = headers;
    this.#options = options;
    this.#reader = new MessageReader(options.maxMessageBytes);
    const isTimed = timeoutMs !== Number.POSITIVE_INFINITY;
    this.deadlineMs = isTimed ? Date.now() + timeoutMs : timeoutMs;
    this.#timer = isTimed ? setTimeout(() => this.#expire(), timeoutMs) : undefined;
  }

  get request(): Buffer<ArrayBuffer> {
    return this.#request!;
  }

  metadata(): Metadata {
    const metadata = Metadata.fromHttp2Headers(this.#rawHeaders);
    for (const name of OF_THE_HOP) metadata.remove(name);
    return metadata;
  }

  /** Reads the request and has it answered. */
  open(): void {
    const stream = this.#stream;
    // The stream is closed after it, and that is what counts.
    stream.on("error", () => {});
    stream.on("close", () => this.#close());
    stream.on("end", () => this.#run());
    stream.on("data", (data: Buffer) => this.#read(data));
  }

  #read(data: Buffer): void {
    // Whatever else is sent is read, so that it does not lie in the connection's window.
    if (this.#settled) return;
    try {
      for (const message of this.#reader.write(data)) this.#take(message);
    } catch (error) {
      this.#fail(status.RESOURCE_EXHAUSTED, (error as Error).message);
    }
  }

  #take(message: Buffer): void {
    if (this.#request) this.#fail(status.UNIMPLEMENTED, "a second message came for a unary method");
    else if (message[0] !== 0) this.#fail(status.INTERNAL, "a message is compressed, and no grpc-encoding says how");
    else this.#request = message.subarray(PREFIX_BYTES) as Buffer<ArrayBuffer>;
  }

  #run(): void {
    if (this.#settled) return;
    if (this.#request === undefined) {
      this.#fail(status.UNIMPLEMENTED, "no message came for a unary method");
      return;
    }
    this.#running = true;
    this.#options.openCalls.began();
    try {
      this.#giveUp = this.#options.handler(this, (answer) => this.#answer(answer));
    } catch (error) {
      this.#answer({ ok: false, status: toStatus(error) });
    }
  }

  #expire(): void {
    this.#answer({ ok: false, status: toStatus(new Fault("DEADLINE", "the deadline passed before the answer")) });
    this.#giveUp();
  }

  #fail(code: status, details: string): void {
    this.#answer({ ok: false, status: { code, details, trailers: {} } });
  }

  #answer(answer: UnaryAnswer): void {
    if (this.#settled) return;
    this.#settle();
    if (this.#stream.destroyed || this.#stream.closed) return;
    if (answer.ok) this.#send(answer.message, { "grpc-status": status.OK, ...answer.trailers });
    else this.#stream.respond({ ...RESPONSE_HEADERS, ...trailersOf(answer.status) }, WITHOUT_MESSAGE);
  }

  #send(message: Buffer, trailers: OutgoingHttpHeaders): void {
    const stream = this.#stream;
    stream.respond(RESPONSE_HEADERS, WITH_TRAILERS);
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    const isCopied = message.length <= COPIED_BYTES;
    const head = Buffer.allocUnsafe(PREFIX_BYTES + (isCopied ? message.length : 0));
    head[0] = 0;
    head.writeUInt32BE(message.length, 1);
    if (isCopied) {
      message.copy(head, PREFIX_BYTES);
      stream.end(head);
    } else {
      stream.cork();
      stream.write(head);
      stream.end(message);
    }
  }

  #close(): void {
    if (this.#settled) return;
    this.#settle();
    this.#giveUp();
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    if (this.#running) this.#options.openCalls.ended();
  }
}

function trailersOf({ code, details, trailers }: CallStatus): OutgoingHttpHeaders {
  return { "grpc-status": code, "grpc-message": encodeURI(details), ...trailers };
}

/** Headers that are about this hop alone. */
const OF_THE_HOP = ["grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "accept-encoding", "te", "content-type"];

const NONE: readonly string[] = [];

/** Headers as Node has them: those that came more than once are joined by commas. */
class StreamHeaders implements IncomingHeaders {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): readonly string[] {
    const value = this.#headers[name];
    if (value === undefined) return NONE;
    return Array.isArray(value) ? value : [value];
  }
}
