import { type MetadataValue, status } from "@grpc/grpc-js";
import type { Channel } from "../client/call.js";
import { compareAnswers, type Disagreement } from "./compare-messages.js";
import { type Expected, expectedFrom, type GoldenCase } from "./golden-case.js";
import { type Answered, sendCall } from "./send-call.js";

/** How cases are sent. */
export interface VerifyOptions {
  /** The revision to ask for; it has to answer itself. @default whoever answers */
  readonly revision?: string | undefined;
  /** How long a case may take. @default 30000 */
  readonly deadlineMs?: number | undefined;
  /** Further headers. */
  readonly metadata?: Readonly<Record<string, MetadataValue>> | undefined;
  /** Told of each case once it is over. */
  readonly onResult?: ((result: GoldenResult) => void) | undefined;
}

/** What came of one case. */
export interface GoldenResult {
  readonly contract: string;
  /** Who answered, or was asked to; undefined where neither is known. */
  readonly revision: string | undefined;
  readonly name: string;
  /** `skipped`: the case is not for this revision. */
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed where that is no matter of fields: the call's error, or another revision that answered. */
  readonly problem: string | undefined;
  readonly disagreements: readonly Disagreement[];
  /** Values that were compared; none where the request was to be refused. */
  readonly compared: number;
  readonly elapsedMs: number;
}

/**
 * Sends each case to whatever a channel leads to, one after the other, and compares the answers. A case that is known
 * not to be for the revision is not sent.
 */
export async function verifyGolden(
  channel: Channel,
  cases: readonly GoldenCase[],
  options: VerifyOptions = {},
): Promise<GoldenResult[]> {
  const results: GoldenResult[] = [];
  for (const golden of cases) {
    const result = await verifyCase(channel, golden, options);
    options.onResult?.(result);
    results.push(result);
  }
  return results;
}

async function verifyCase(channel: Channel, golden: GoldenCase, options: VerifyOptions): Promise<GoldenResult> {
  const contract = golden.found.method.parent.file.proto.package;
  const { name } = golden;
  const nothing = { problem: undefined, disagreements: [], compared: 0, elapsedMs: 0 };
  if (options.revision !== undefined && !expectedFrom(golden, options.revision)) {
    return { contract, revision: options.revision, name, outcome: "skipped", ...nothing };
  }
  const answered = await sendCall(channel, golden, options);
  const revision = answered.revision ?? options.revision;
  const about = { contract, revision, name, elapsedMs: answered.elapsedMs };
  const problem = wrongRevision(answered, options.revision);
  if (problem !== undefined) return { ...nothing, ...about, outcome: "failed", problem };
  const expected = expectedFrom(golden, revision);
  if (!expected && revision === undefined && answered.error) {
    // Nobody answered: that is no matter of whom the case is for.
    return {
      ...nothing,
      ...about,
      outcome: "failed",
      problem: `${answered.error.codeName}: ${answered.error.details}`,
    };
  }
  if (!expected) return { ...nothing, ...about, outcome: "skipped" };
  const judged = judgeAnswer(golden, expected, answered);
  const isGood = judged.problem === undefined && judged.disagreements.length === 0;
  return { ...about, ...judged, outcome: isGood ? "passed" : "failed" };
}

/** A mesh may send a call elsewhere than its header asks. */
function wrongRevision({ revision }: Answered, asked: string | undefined): string | undefined {
  if (asked === undefined || revision === undefined || revision === asked) return undefined;
  return `${asked} was asked for, and ${revision} answered`;
}

type Judged = Pick<GoldenResult, "problem" | "disagreements" | "compared">;

/** Compares what came with what a case expects. */
export function judgeAnswer(golden: GoldenCase, expected: Expected, { messages, error }: Answered): Judged {
  const failed = (problem: string): Judged => ({ problem, disagreements: [], compared: 0 });
  if ("code" in expected) {
    if (error?.code === expected.code) return { problem: undefined, disagreements: [], compared: 0 };
    const came = error ? `${error.codeName}: ${error.details}` : "an answer";
    return failed(`expected ${status[expected.code]}, got ${came}`);
  }
  if (error) return failed(`${error.codeName}: ${error.details}`);
  if (messages.length !== expected.messages.length) {
    return failed(`expected ${expected.messages.length} answers, got ${messages.length}`);
  }
  const { method } = golden.found;
  const { disagreements, compared } = compareAnswers(method, [expected.messages, messages], golden.tolerances);
  return { problem: undefined, disagreements, compared: [...compared.values()].reduce((sum, count) => sum + count, 0) };
}
