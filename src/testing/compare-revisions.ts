import type { Channel } from "../client/call.js";
import { compareAnswers, type Disagreement } from "./compare-messages.js";
import { type Answered, type CallToSend, sendCall } from "./send-call.js";
import type { Tolerances } from "./tolerance.js";

/** What two revisions answered to one request. */
export interface AnsweredPair {
  /** From 0, in the order of the requests. */
  readonly index: number;
  readonly call: CallToSend;
  /** Of the revision that is, and of the one that is to come. */
  readonly answers: readonly [baseline: Answered, candidate: Answered];
  /** Processor time of this process for each of the calls, in milliseconds. */
  readonly cpuMs: readonly [baseline: number, candidate: number];
  readonly disagreements: readonly Disagreement[];
  /** Values that were compared, by field; none where either refused. */
  readonly compared: ReadonlyMap<string, number>;
}

/** Where a revision answers: of one that is served by pods of its own, one of these. */
export type ChannelOf = (revision: string) => Channel;

/** How two revisions are asked. */
export interface CompareOptions {
  readonly revisions: readonly [baseline: string, candidate: string];
  readonly tolerances: Tolerances;
  /** How long one call may take. @default 30000 */
  readonly deadlineMs?: number | undefined;
  /** Told of each pair once it is there. */
  readonly onPair?: ((pair: AnsweredPair) => void) | undefined;
}

/** Calls before those that count: the first ones pay for connections and compilers. */
const WARM_UP_CALLS = 5;

/**
 * Sends each request to both revisions, one call at a time. Who comes first changes from request to request, so that
 * neither has the warmer caches.
 * @throws Error where another revision answers than the one that was asked
 */
export async function compareRevisions(
  channelOf: ChannelOf,
  calls: Iterable<CallToSend> | AsyncIterable<CallToSend>,
  options: CompareOptions,
): Promise<AnsweredPair[]> {
  const pairs: AnsweredPair[] = [];
  for await (const call of calls) {
    if (pairs.length === 0) await warmUp(channelOf, call, options);
    const pair = await answerPair(channelOf, call, { ...options, index: pairs.length });
    pairs.push(pair);
    options.onPair?.(pair);
  }
  return pairs;
}

async function warmUp(
  channelOf: ChannelOf,
  call: CallToSend,
  { revisions, deadlineMs }: CompareOptions,
): Promise<void> {
  for (const revision of revisions) {
    for (let count = 0; count < WARM_UP_CALLS; count++)
      await sendCall(channelOf(revision), call, { revision, deadlineMs });
  }
}

async function answerPair(
  channelOf: ChannelOf,
  call: CallToSend,
  { index, revisions, tolerances, deadlineMs }: CompareOptions & { readonly index: number },
): Promise<AnsweredPair> {
  const ask = (revision: string) => askRevision(channelOf(revision), call, { revision, deadlineMs });
  const inOrder = index % 2 === 0;
  const first = await ask(revisions[inOrder ? 0 : 1]);
  const second = await ask(revisions[inOrder ? 1 : 0]);
  const [baseline, candidate] = inOrder ? [first, second] : [second, first];
  const answers = [baseline.answered, candidate.answered] as const;
  const { disagreements, compared } = judgeAnswers(call, answers, tolerances);
  return { index, call, answers, cpuMs: [baseline.cpuMs, candidate.cpuMs], disagreements, compared };
}

async function askRevision(
  channel: Channel,
  call: CallToSend,
  options: { readonly revision: string; readonly deadlineMs: number | undefined },
): Promise<{ answered: Answered; cpuMs: number }> {
  const before = process.cpuUsage();
  const answered = await sendCall(channel, call, options);
  const { user, system } = process.cpuUsage(before);
  if (answered.revision !== undefined && answered.revision !== options.revision) {
    throw new Error(`${options.revision} was asked for, and ${answered.revision} answered`);
  }
  return { answered, cpuMs: (user + system) / 1e3 };
}

type Judged = Pick<AnsweredPair, "disagreements" | "compared">;

/** Where two answers to one call disagree. Two refusals agree where their codes do. */
export function judgeAnswers(
  { found }: CallToSend,
  [one, other]: AnsweredPair["answers"],
  tolerances: Tolerances,
): Judged {
  if (!one.error && !other.error) return compareAnswers(found.method, [one.messages, other.messages], tolerances);
  if (one.error?.code === other.error?.code) return { disagreements: [], compared: new Map() };
  const said = ({ error }: Answered) => (error ? `${error.codeName}: ${error.details}` : "an answer");
  const outcome = { field: "", path: "", difference: undefined, allowed: undefined };
  return { disagreements: [{ ...outcome, expected: said(one), got: said(other) }], compared: new Map() };
}
