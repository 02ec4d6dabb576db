import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type { Messages } from "./call.js";
import { CallError } from "./call-error.js";
import type { CallOptions } from "./call-options.js";
import { Outbox } from "./outbox.js";

/** A stream of a connection: `voices.predictStream`. */
export type StreamCall<Request, Response> = (
  requests: Messages<Request>,
  options?: CallOptions,
) => AsyncIterable<Response>;

/** How a stream goes on once a server has ended it. */
export interface ResumeOptions extends CallOptions {
  /** The stream's contract, `acme.voice.v1`. A stream with state goes on with the revision that it began with. */
  readonly contract: string;
  /**
   * What answers depend on: `none`, on their own message; `kept`, on those before it, and the contract is resumable.
   * @default "none"
   */
  readonly state?: "none" | "kept";
  /** Messages that may be unanswered: they are kept, to be sent again. @default 64 */
  readonly maxUnanswered?: number;
  /** Streams in a row that may fail without an answer. @default 5 */
  readonly attempts?: number;
  /** Wait after such a failure, twice as long after each more. @default 100 */
  readonly backoffMs?: number;
  /** Told why a stream ended that is gone on with. */
  readonly onResume?: (cause: CallError) => void;
}

const RESUME_HEADER = "flotilla-resume-bin";
/** What servers say of streams that did nothing wrong. */
const REOPENED: ReadonlySet<string> = new Set(["DRAINING", "STREAM_IDLE", "STREAM_LIMIT"]);

/** What the next stream begins with. */
interface Kept {
  readonly state: Buffer;
  readonly revision: string | undefined;
}

/**
 * A stream that goes on at another server where one ends it: each message is answered once, in order, as if nothing had
 * happened. What was unanswered is sent again, so that a server may run a message whose answer was lost twice.
 * @throws CallError where it can't go on: for good, too often, or because the state went down with its server
 */
export async function* resumeStream<Request, Response>(
  stream: StreamCall<Request, Response>,
  requests: Messages<Request>,
  options: ResumeOptions,
): AsyncGenerator<Response, void, undefined> {
  const { maxUnanswered = 64, attempts = 5, backoffMs = 100 } = options;
  const outbox = new Outbox(requests, maxUnanswered);
  let kept: Kept | undefined = options.state === "kept" ? { state: Buffer.alloc(0), revision: undefined } : undefined;
  try {
    for (let failures = 0; ; ) {
      let answers = 0;
      try {
        for await (const response of stream(outbox.send(), callOptions(options, kept))) {
          outbox.answered();
          answers += 1;
          yield response;
        }
        return;
      } catch (error) {
        failures = answers > 0 ? 0 : failures + 1;
        if (!isReopened(error) || failures >= attempts) throw error;
        kept = kept && keptAfter(error, { kept, answers });
        options.onResume?.(error);
        if (failures > 0)
          await delay(backoffMs * 2 ** (failures - 1), undefined, options.signal && { signal: options.signal });
        if (!(await outbox.pending())) return;
      }
    }
  } finally {
    await outbox.close();
  }
}

function callOptions(options: ResumeOptions, kept: Kept | undefined): CallOptions {
  if (!kept) return options;
  const metadata = { ...options.metadata, [RESUME_HEADER]: kept.state };
  const { revision } = kept;
  if (revision === undefined) return { ...options, metadata };
  // To the mesh it is a pin that says so, and the revision to a server that has several.
  return { ...options, metadata, revision, pins: { ...options.pins, [options.contract]: revision } };
}

function isReopened(error: unknown): error is CallError {
  if (!(error instanceof CallError)) return false;
  return error.code === status.UNAVAILABLE || REOPENED.has(String(error.metadata.get("flotilla-reason")[0]));
}

/** The state after the last answer: what the server handed out, or what it was given where it answered nothing. */
function keptAfter(error: CallError, { kept, answers }: { kept: Kept; answers: number }): Kept {
  const [state] = error.metadata.get(RESUME_HEADER);
  const [revision] = error.metadata.get("flotilla-revision");
  if (state !== undefined)
    return { state: Buffer.from(state), revision: revision === undefined ? undefined : String(revision) };
  if (answers === 0) return kept;
  throw error;
}
