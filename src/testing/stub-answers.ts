import { type Message, toBinary } from "@bufbuild/protobuf";
import type { RecordedCall } from "../../generated/ts/flotilla/v1/recording.js";
import type { FoundMethod } from "../client/find-method.js";
import { type Expected, expectedFrom, type GoldenCase } from "./golden-case.js";
import { recordedRequests, recordedResponses } from "./recording.js";

/** What is answered to a message that is known: bytes, or a refusal. */
export type KnownAnswer = { readonly message: Buffer } | { readonly code: number; readonly details: string };

/**
 * Answers by request. Two requests are the same where their fields are, however they lie on the wire; a message of a
 * stream has the answer that stands at its place. What is added later wins.
 */
export class StubAnswers {
  readonly #byMethod = new Map<string, Map<string, KnownAnswer>>();

  /** Requests that are known. */
  get size(): number {
    return [...this.#byMethod.values()].reduce((sum, answers) => sum + answers.size, 0);
  }

  find(found: FoundMethod, request: Message): KnownAnswer | undefined {
    return this.#byMethod.get(pathOf(found))?.get(keyOf(found, request));
  }

  /** @param revision whose answers count; undefined: what holds for every revision, or else the first that there is */
  addGolden(golden: GoldenCase, revision: string | undefined): void {
    const expected =
      expectedFrom(golden, revision) ?? (revision === undefined ? [...golden.expectedOf.values()][0] : undefined);
    if (expected) this.#add(golden.found, golden.requests, expected, `as the golden case ${golden.name} says`);
  }

  addRecorded(call: RecordedCall, found: FoundMethod): void {
    const expected = call.code === 0 ? { messages: recordedResponses(call, found) } : { code: call.code };
    this.#add(found, recordedRequests(call, found), expected, call.details);
  }

  #add(found: FoundMethod, requests: readonly Message[], expected: Expected, details: string): void {
    const answers = this.#byMethod.get(pathOf(found)) ?? new Map<string, KnownAnswer>();
    this.#byMethod.set(pathOf(found), answers);
    for (const [index, request] of requests.entries()) {
      const answer = toKnown(found, expected, { index, details });
      if (answer) answers.set(keyOf(found, request), answer);
    }
  }
}

function toKnown(
  { method }: FoundMethod,
  expected: Expected,
  { index, details }: { readonly index: number; readonly details: string },
): KnownAnswer | undefined {
  if ("code" in expected) return { code: expected.code, details };
  const message = expected.messages[index];
  return message && { message: Buffer.from(toBinary(method.output, message)) };
}

function pathOf({ method }: FoundMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function keyOf({ method }: FoundMethod, request: Message): string {
  return Buffer.from(toBinary(method.input, request)).toString("base64");
}
