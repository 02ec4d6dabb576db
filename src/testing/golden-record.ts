import type { JsonValue } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { messageJson } from "../client/message-json.js";
import { compareMessages } from "./compare-messages.js";
import type { Expected, GoldenCase, GoldenFile } from "./golden-case.js";
import type { Answered } from "./send-call.js";

/**
 * A case's file with what revisions answered just now. Where all the revisions of a fleet agree within the case's
 * tolerances, one answer stands for them and for those to come; else there is one for each.
 * @param answers by revision
 * @param isWhole whether these are all the revisions that there are: what the file said of others is then dropped
 * @throws Error where some revisions answer and others refuse
 */
export function recordAnswers(
  golden: GoldenCase,
  file: GoldenFile,
  { answers, isWhole }: { readonly answers: ReadonlyMap<string, Answered>; readonly isWhole: boolean },
): GoldenFile {
  const { response, responses = {}, code, ...rest } = file;
  const got = new Map([...answers].map(([revision, answered]) => [revision, toExpected(answered)]));
  const refusal = refusalOf(got);
  if (refusal !== undefined && !isWhole && (response ?? file.responses) !== undefined) {
    throw new Error(`${[...got.keys()].join(", ")} refuses what others answer: a refusal has to be everybody's`);
  }
  if (refusal !== undefined) return answersLast({ ...rest, code: status[refusal] });
  const json = (expected: Expected) => expectedJson(golden, expected);
  const [first] = got.values();
  const agree = [...got.values()].every((other) => isSame(golden, first!, other));
  if (isWhole && agree) return answersLast({ ...rest, response: json(first!) });
  const kept = isWhole ? {} : responses;
  const common = isWhole ? undefined : golden.expected;
  const named = [...got].filter(([, expected]) => !common || !isSame(golden, common, expected));
  const all = { ...kept, ...Object.fromEntries(named.map(([revision, expected]) => [revision, json(expected)])) };
  return answersLast({
    ...rest,
    ...(common && response !== undefined ? { response } : {}),
    ...(Object.keys(all).length > 0 ? { responses: all } : {}),
  });
}

/** A file's text: indented, but lists of plain values on one line, where a value a line is no help to anybody. */
export function formatGolden(file: GoldenFile): string {
  return `${formatJson(file as JsonValue, "")}\n`;
}

function formatJson(json: JsonValue, indent: string): string {
  const deeper = `${indent}  `;
  if (Array.isArray(json)) {
    if (json.every((element) => typeof element !== "object" || element === null)) {
      return `[${json.map((element) => JSON.stringify(element)).join(", ")}]`;
    }
    return `[\n${json.map((element) => deeper + formatJson(element, deeper)).join(",\n")}\n${indent}]`;
  }
  if (typeof json !== "object" || json === null) return JSON.stringify(json);
  const entries = Object.entries(json).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([name, value]) => `${deeper}${JSON.stringify(name)}: ${formatJson(value, deeper)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

/** Answers are long: what is short comes before them. */
function answersLast(file: GoldenFile): GoldenFile {
  const { method, about, tolerances, request, ...answers } = file;
  return { method, about, tolerances, request, ...answers };
}

function toExpected({ messages, error }: Answered): Expected {
  return error ? { code: error.code } : { messages };
}

function refusalOf(got: ReadonlyMap<string, Expected>): status | undefined {
  const codes = [...got.values()].map((expected) => ("code" in expected ? expected.code : undefined));
  if (new Set(codes).size <= 1) return codes[0];
  const list = [...got.keys()].map((revision, index) => `${revision}: ${status[codes[index] ?? status.OK]}`);
  throw new Error(
    `revisions do not agree whether the request is good (${list.join(", ")}): a refusal has to be everybody's`,
  );
}

function isSame(golden: GoldenCase, one: Expected, other: Expected): boolean {
  if ("code" in one || "code" in other) return "code" in one && "code" in other && one.code === other.code;
  if (one.messages.length !== other.messages.length) return false;
  const { output } = golden.found.method;
  return one.messages.every(
    (message, index) =>
      compareMessages(output, [message, other.messages[index]!], golden.tolerances).disagreements.length === 0,
  );
}

function expectedJson({ found }: GoldenCase, expected: Expected): JsonValue {
  if ("code" in expected) throw new Error("a refusal has no answer to write down");
  const { method, registry } = found;
  const all = expected.messages.map((message) => messageJson(method.output, message, registry));
  return method.methodKind === "unary" ? all[0]! : all;
}
