import type { Message } from "@bufbuild/protobuf";
import type { MetadataValue } from "@grpc/grpc-js";
import { type Channel, callStream, callUnary } from "../client/call.js";
import { CallError } from "../client/call-error.js";
import type { CallOptions } from "../client/call-options.js";
import { type FoundMethod, toChannelMethod } from "../client/find-method.js";
import type { Hop, ServerTiming } from "../client/hop.js";

/** A call that is to be made. */
export interface CallToSend {
  readonly found: FoundMethod;
  /** Of a unary method one. */
  readonly requests: readonly Message[];
}

/** How it is made. */
export interface SendOptions {
  readonly revision?: string | undefined;
  /** @default 30000 */
  readonly deadlineMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, MetadataValue>> | undefined;
}

/** What a call brought: answers, or a refusal. */
export interface Answered {
  /** Of a stream that failed, those that came before. */
  readonly messages: readonly Message[];
  readonly error: CallError | undefined;
  /** The revision that its trailers name. */
  readonly revision: string | undefined;
  readonly elapsedMs: number;
  /** What the server says of itself; undefined for streams and refusals. */
  readonly server: ServerTiming | undefined;
}

const DEFAULT_DEADLINE_MS = 30_000;

/**
 * Makes a call whose messages are known beforehand. A refusal is an answer.
 * @throws what is no `CallError`
 */
export function sendCall(channel: Channel, call: CallToSend, options: SendOptions): Promise<Answered> {
  const method = toChannelMethod(call.found.method);
  return answered(options, (callOptions) =>
    call.found.method.methodKind === "unary"
      ? callUnary(channel, method, call.requests[0]!, callOptions)
      : callStream(channel, method, call.requests, callOptions),
  );
}

/**
 * Waits for whatever a call brings.
 * @param make begins the call
 * @throws what is no `CallError`
 */
export async function answered(
  { deadlineMs = DEFAULT_DEADLINE_MS, revision, metadata }: SendOptions,
  make: (options: CallOptions) => Promise<Message> | AsyncIterable<Message>,
): Promise<Answered> {
  let hop: Hop | undefined;
  const onHop = (over: Hop) => {
    hop = over;
  };
  const messages: Message[] = [];
  let failure: CallError | undefined;
  try {
    const answer = make({ deadlineMs, revision, metadata, onHop });
    if ("then" in answer) messages.push(await answer);
    else for await (const message of answer) messages.push(message);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    failure = error;
  }
  return { messages, error: failure, revision: hop?.revision, elapsedMs: hop?.elapsedMs ?? 0, server: hop?.server };
}
