import type { Message } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { type Channel, callUnary } from "../client/call.js";
import { CallError } from "../client/call-error.js";
import type { CallOptions } from "../client/call-options.js";
import { type FoundMethod, toChannelMethod } from "../client/find-method.js";
import type { Hop } from "../client/hop.js";
import { HaltError } from "./event-error.js";
import type { CallOutcome, Pace } from "./pace.js";
import type { Answer } from "./prediction-event.js";

/** How a bridge calls the fleet. */
export interface FleetCallOptions extends Pick<CallOptions, "pins"> {
  readonly channel: Channel;
  readonly found: FoundMethod;
  readonly deadlineMs: number;
  readonly pace: Pace;
  readonly onHop?: ((hop: Hop) => void) | undefined;
}

/** Makes a call: a request, and the headers that go with it. */
export type FleetCall = (request: Message, headers: Readonly<Record<string, string>>) => Promise<Answer>;

/** What becomes of an event whose call failed. */
export type Failure =
  /** It is tried again for as long as it takes: the fault is not the event's. */
  | "wait"
  /** The server was not there, or died of it: it is the event's fault where the server is there, time and again. */
  | "lost"
  /** It is tried again so many times: who knows. */
  | "retry"
  /** It would fail forever. */
  | "refused"
  /** So would all others. */
  | "halt";

const FAILURES: ReadonlyMap<status, Failure> = new Map([
  [status.UNAVAILABLE, "lost"],
  // A policy or a certificate of the mesh that is not there yet, or no more.
  [status.UNAUTHENTICATED, "wait"],
  [status.PERMISSION_DENIED, "wait"],
  [status.DEADLINE_EXCEEDED, "retry"],
  [status.CANCELLED, "retry"],
  [status.ABORTED, "retry"],
  [status.INTERNAL, "retry"],
  [status.UNKNOWN, "retry"],
  [status.DATA_LOSS, "retry"],
  // Without word of when to come again it is a message's length.
  [status.RESOURCE_EXHAUSTED, "retry"],
  // Served no more, or not yet.
  [status.UNIMPLEMENTED, "retry"],
  [status.NOT_FOUND, "retry"],
]);

/** What a failed call means for its event. */
export function judgeFailure(error: unknown): Failure {
  if (error instanceof HaltError) return "halt";
  if (!(error instanceof CallError)) return "refused";
  return isOverload(error) ? "wait" : (FAILURES.get(error.code) ?? "refused");
}

/** The server has too many calls, and says when to come again. */
function isOverload({ code, retryAfterMs }: CallError): boolean {
  return code === status.RESOURCE_EXHAUSTED && retryAfterMs !== undefined;
}

/** Calls through the mesh, which retries, times out and splits; at the pace that the server takes. */
export function createFleetCall({ channel, found, pace, deadlineMs, pins, onHop }: FleetCallOptions): FleetCall {
  const method = toChannelMethod(found.method);
  return async (request, headers) => {
    const round = await pace.begin();
    let outcome: CallOutcome = "failed";
    let hop: Hop | undefined;
    const listen = (over: Hop) => {
      hop = over;
      onHop?.(over);
    };
    try {
      const message = await callUnary(channel, method, request, { deadlineMs, pins, metadata: headers, onHop: listen });
      outcome = "answered";
      checkPin(hop?.revision, pins?.[found.method.parent.file.proto.package]);
      return { message, revision: hop?.revision, modelDigest: hop?.modelDigest, release: hop?.release };
    } catch (error) {
      // Who was away is not to be met by all at once.
      if (["wait", "lost"].includes(judgeFailure(error))) outcome = "overloaded";
      throw error;
    } finally {
      pace.end(round, outcome);
    }
  };
}

/** @throws HaltError where another revision answered than the one that was asked for */
function checkPin(revision: string | undefined, pin: string | undefined): void {
  if (pin === undefined || revision === pin) return;
  const answered = revision === undefined ? "a server that names none" : revision;
  throw new HaltError(
    `asked for revision ${pin}, and ${answered} answered: call through the mesh, which knows revisions, or a server of ${pin} alone`,
  );
}
