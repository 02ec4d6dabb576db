import { type Metadata, status } from "@grpc/grpc-js";
import { Fault } from "../../contract/fault.js";
import { MessageReader, PREFIX_BYTES } from "../message-reader.js";
import type { OpenCalls } from "../open-calls.js";
import { type CallStatus, type Trailers, toStatus } from "../status.js";
import type { UnaryAnswer, UnaryCall, UnaryHandler } from "../unary-call.js";
import type { Body } from "./body-sender.js";
import type { RequestHeaders } from "./request-headers.js";

/** How unary calls are answered. */
export interface UnaryOptions {
  /** Largest request in bytes. */
  readonly maxMessageBytes: number;
  /** Counts each call from its request on. */
  readonly openCalls: OpenCalls;
}

/** A unary method that is answered here. */
export interface UnaryMethod extends UnaryOptions {
  readonly handler: UnaryHandler;
}

/** Where answers go. */
export interface AnswerSink {
  answer(stream: UnaryStream, message: Buffer, trailers: Trailers): void;
  refuse(stream: UnaryStream, status: CallStatus): void;
}

/**
 * One unary call on a stream of HTTP/2.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class UnaryStream implements UnaryCall {
  readonly id: number;
  readonly headers: RequestHeaders;
  readonly deadlineMs: number;
  /** What the answer may have beyond what streams may send from the start. */
  credit = 0;
  /** Bytes that came since its caller was given leave for more. */
  unacknowledged = 0;
  /** Whether all of the request has come. */
  isRead = false;
  /** The answer, where there was no room for it. */
  body: Body | undefined;
  readonly #sink: AnswerSink;
  readonly #method: UnaryMethod;
  readonly #reader: MessageReader;
  readonly #timer: NodeJS.Timeout | undefined;
  #request: Buffer<ArrayBuffer> | undefined;
  #running = false;
  #settled = false;
  #giveUp = (): void => {};

  /** @param timeoutMs how long the call has; Infinity for ever */
  constructor(
    sink: AnswerSink,
    { id, headers, timeoutMs, method }: { id: number; headers: RequestHeaders; timeoutMs: number; method: UnaryMethod },
  ) {
    this.id = id;
    this.headers = headers;
    this.#sink = sink;
    this.#method = method;
    this.#reader = new MessageReader(method.maxMessageBytes);
    const isTimed = timeoutMs !== Number.POSITIVE_INFINITY;
    this.deadlineMs = isTimed ? Date.now() + timeoutMs : timeoutMs;
    this.#timer = isTimed ? setTimeout(() => this.#expire(), timeoutMs) : undefined;
  }

  get request(): Buffer<ArrayBuffer> {
    return this.#request!;
  }

  metadata(): Metadata {
    return this.headers.toMetadata();
  }

  /** Takes a part of the request. */
  read(data: Buffer): void {
    if (this.#settled) return;
    try {
      for (const message of this.#reader.write(data)) this.#take(message);
    } catch (error) {
      this.#fail(status.RESOURCE_EXHAUSTED, (error as Error).message);
    }
  }

  /** All of the request has come: it is answered. */
  end(): void {
    this.isRead = true;
    if (this.#settled) return;
    if (this.#request === undefined) {
      this.#fail(status.UNIMPLEMENTED, "no message came for a unary method");
      return;
    }
    this.#running = true;
    this.#method.openCalls.began();
    try {
      this.#giveUp = this.#method.handler(this, (answer) => this.#answer(answer));
    } catch (error) {
      this.#answer({ ok: false, status: toStatus(error) });
    }
  }

  /** Nobody waits for an answer any more. */
  cancel(): void {
    if (this.#settled) return;
    this.#settle();
    this.#giveUp();
  }

  #take(message: Buffer): void {
    if (this.#request) this.#fail(status.UNIMPLEMENTED, "a second message came for a unary method");
    else if (message[0] !== 0) this.#fail(status.INTERNAL, "a message is compressed, and no grpc-encoding says how");
    else this.#request = message.subarray(PREFIX_BYTES) as Buffer<ArrayBuffer>;
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
    if (answer.ok) this.#sink.answer(this, answer.message, answer.trailers);
    else this.#sink.refuse(this, answer.status);
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    if (this.#running) this.#method.openCalls.ended();
  }
}
