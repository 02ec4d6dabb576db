import { setTimeout as delay } from "node:timers/promises";
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import type { RecordedCall } from "../../generated/ts/flotilla/v1/recording.js";
import { type Channel, callStream, callUnary, type Method } from "../client/call.js";
import { CallError } from "../client/call-error.js";
import type { FoundMethod } from "../client/find-method.js";
import { type AnsweredPair, judgeAnswers } from "./compare-revisions.js";
import { recordedRequests, recordedResponses } from "./recording.js";
import { type Answered, answered } from "./send-call.js";
import type { Tolerances } from "./tolerance.js";

/** When calls begin: as far apart as they were (`speed` times faster), or so many a second. */
export type ReplayRate =
  | { readonly kind: "recorded"; readonly speed: number }
  | { readonly kind: "fixed"; readonly perSecond: number };

/** How a recording is sent again. */
export interface ReplayOptions {
  readonly rate: ReplayRate;
  /** Calls that may be open; the next one then waits. */
  readonly maxInFlight: number;
  /** The revision to ask for; `recorded`: the one that answered then. @default the server chooses */
  readonly revision?: string | undefined;
  readonly deadlineMs: number;
  readonly tolerances: (found: FoundMethod) => Tolerances;
  readonly onPair?: ((pair: AnsweredPair) => void) | undefined;
}

/** What came of a replay. */
export interface Replay {
  /** In the order in which the calls ended: as they were answered then, and now. */
  readonly pairs: readonly AnsweredPair[];
  /** By how much the last of the calls that began late was late, in milliseconds; 0 where the rate could be kept. */
  readonly latestMs: number;
}

/** A recorded call, and the method it is of. */
export interface FoundCall {
  readonly recorded: RecordedCall;
  readonly found: FoundMethod;
}

/** Timers are not finer. */
const LATE_MS = 5;

/**
 * Sends recorded calls again, each when its time has come and whether or not those before it are over, and compares the
 * answers with those that were recorded.
 */
export async function replayCalls(
  channel: Channel,
  calls: AsyncIterable<FoundCall>,
  options: ReplayOptions,
): Promise<Replay> {
  const pairs: AnsweredPair[] = [];
  const open = new Set<Promise<void>>();
  const startMs = performance.now();
  const dueMs = schedule(options.rate);
  let latestMs = 0;
  let index = 0;
  for await (const call of calls) {
    const at = startMs + dueMs(call.recorded, index);
    if (at > performance.now()) await delay(at - performance.now());
    while (open.size >= options.maxInFlight) await Promise.race(open);
    latestMs = Math.max(latestMs, performance.now() - at);
    const work = replayCall(channel, call, { ...options, index: index++ }).then((pair) => {
      pairs.push(pair);
      options.onPair?.(pair);
    });
    const tracked: Promise<void> = work.finally(() => open.delete(tracked));
    open.add(tracked);
  }
  await Promise.all(open);
  return { pairs, latestMs: latestMs > LATE_MS ? latestMs : 0 };
}

/** When a call is due, in milliseconds from the begin. */
function schedule(rate: ReplayRate): (call: RecordedCall, index: number) => number {
  if (rate.kind === "fixed") return (_, index) => (index / rate.perSecond) * 1e3;
  let firstMs: number | undefined;
  return ({ startedAt }) => {
    const at = startedAt?.getTime() ?? 0;
    firstMs ??= at;
    // Calls are in the file in the order in which they ended.
    return Math.max(0, at - firstMs) / rate.speed;
  };
}

async function replayCall(
  channel: Channel,
  { recorded, found }: FoundCall,
  options: ReplayOptions & { readonly index: number },
): Promise<AnsweredPair> {
  const call = { found, requests: recordedRequests(recorded, found) };
  const now = await send(channel, recorded, { found, options });
  const answers = [then(recorded, found, channel), now] as const;
  const judged = judgeAnswers(call, answers, options.tolerances(found));
  return { index: options.index, call, answers, cpuMs: [Number.NaN, Number.NaN], ...judged };
}

/** What was answered when the call was recorded. */
function then(recorded: RecordedCall, found: FoundMethod, { target }: Channel): Answered {
  const { code, details, revision, elapsedMs, method } = recorded;
  const error = code === status.OK ? undefined : new CallError({ code, details, method: method.slice(1), target });
  return {
    messages: recordedResponses(recorded, found),
    error,
    revision: revision || undefined,
    elapsedMs,
    server: undefined,
  };
}

function send(
  channel: Channel,
  recorded: RecordedCall,
  { found, options }: { readonly found: FoundMethod; readonly options: ReplayOptions },
): Promise<Answered> {
  const contents = recorded.requests.map(({ content }) => content);
  const requests = options.rate.kind === "recorded" ? inTheirTime(recorded, options.rate.speed) : contents;
  const isUnary = found.method.methodKind === "unary";
  const revision = options.revision === "recorded" ? recorded.revision || undefined : options.revision;
  return answered({ deadlineMs: options.deadlineMs, revision }, (callOptions) =>
    isUnary
      ? callUnary(channel, rawRequests(recorded.method, found), contents[0] ?? Buffer.alloc(0), callOptions)
      : callStream(channel, rawRequests(recorded.method, found), requests, callOptions),
  );
}

/** Requests go out as they came in, to the byte. */
function rawRequests(path: string, { method }: FoundMethod): Method<Buffer, Message> {
  return {
    path,
    requestSerialize: (bytes) => bytes,
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  };
}

/** A stream's messages, as far apart as they were. */
async function* inTheirTime({ requests }: RecordedCall, speed: number): AsyncGenerator<Buffer> {
  const startMs = performance.now();
  for (const { content, afterMs } of requests) {
    const waitMs = startMs + afterMs / speed - performance.now();
    if (waitMs > 0) await delay(waitMs);
    yield content;
  }
}
