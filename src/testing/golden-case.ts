import { readdirSync } from "node:fs";
import path from "node:path";
import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { z } from "zod";
import { type FoundMethod, findInImage } from "../client/find-method.js";
import { readFile, readMessage } from "../client/message-json.js";
import { shownFile } from "../fleet/findings.js";
import { goldenFolder } from "../fleet/golden-folder.js";
import { type Tolerances, toTolerances } from "./tolerance.js";

const TOLERANCE = z.strictObject({
  absolute: z.number().nonnegative().optional(),
  relative: z.number().nonnegative().optional(),
  ignore: z.boolean().optional(),
});
const CODES = Object.keys(status).filter((name) => Number.isNaN(Number(name)) && name !== "OK");

/**
 * A golden case's file. Requests and responses are in protobuf's JSON; those of a method that streams are lists.
 * `request` may be `@file`, relative to the case's own folder, and so may values of fields of type bytes.
 */
export const GoldenFile = z
  .strictObject({
    /** `acme.fraud.v1`, or `acme.fraud.v1/PredictStream`. */
    method: z.string(),
    /** What it is there to show. */
    about: z.string().optional(),
    request: z.json(),
    /** What every revision answers that `responses` does not name. */
    response: z.json().optional(),
    /** What single revisions answer. */
    responses: z.record(z.string(), z.json()).optional(),
    /** In place of answers: the code that every revision refuses the request with. */
    code: z.enum(CODES).optional(),
    tolerances: z.record(z.string(), TOLERANCE).optional(),
  })
  .refine((file) => [file.response ?? file.responses, file.code].filter((one) => one !== undefined).length === 1, {
    message: "expected `response` or `responses`, or else `code`",
  });

/** What stands in a golden case's file. */
export type GoldenFile = z.infer<typeof GoldenFile>;

/** What a revision is to answer: messages (of a unary method one), or a refusal. */
export type Expected = { readonly messages: readonly Message[] } | { readonly code: status };

/** A request, and what each revision is to answer to it. */
export interface GoldenCase {
  /** The file's name without `.json`. */
  readonly name: string;
  readonly file: string;
  readonly about: string | undefined;
  readonly found: FoundMethod;
  /** Of a unary method one. */
  readonly requests: readonly Message[];
  readonly tolerances: Tolerances;
  /** By revision; it goes before `expected`. */
  readonly expectedOf: ReadonlyMap<string, Expected>;
  /** What all other revisions answer; undefined where the case is for the named ones alone. */
  readonly expected: Expected | undefined;
}

/** What a case expects of a revision; undefined where it is not for it. */
export function expectedFrom(golden: GoldenCase, revision: string | undefined): Expected | undefined {
  return (revision === undefined ? undefined : golden.expectedOf.get(revision)) ?? golden.expected;
}

/**
 * A contract's golden cases, by name. Cases of other contracts in the same folder, another version's say, are left out.
 * @param image the contract's serialized `FileDescriptorSet`
 * @throws Error that names the file, and what is wrong with it
 */
export function readGoldenCases(root: string, contract: string, image: Uint8Array): GoldenCase[] {
  const folder = goldenFolder(root, contract);
  return goldenFiles(folder)
    .map((name) => path.join(folder, name))
    .map((file) => [file, readGoldenFile(file)] as const)
    .filter(([, golden]) => contractOf(golden) === contract)
    .map(([file, golden]) => inFile(file, () => toGoldenCase(file, golden, image)));
}

/**
 * Reads a case's file.
 * @throws Error that names it, and what is wrong with it
 */
export function readGoldenFile(file: string): GoldenFile {
  return inFile(file, () => {
    const checked = GoldenFile.safeParse(parse(file));
    if (checked.success) return checked.data;
    const problems = checked.error.issues.map(({ path: at, message }) => [at.join("."), message].join(": "));
    throw new Error(problems.map((problem) => problem.replace(/^: /, "")).join("; "));
  });
}

/**
 * A case from what stands in its file.
 * @throws Error where it does not fit the contract
 */
export function toGoldenCase(file: string, golden: GoldenFile, image: Uint8Array): GoldenCase {
  const [contract = "", method = "Predict"] = golden.method.split("/");
  const found = findInImage(image, { contract, method });
  const { input, output } = found.method;
  const expected = (json: JsonValue): Expected => ({ messages: messages(json, output, found, file) });
  const common =
    golden.code === undefined ? golden.response && expected(golden.response) : { code: codeOf(golden.code) };
  return {
    name: path.basename(file, ".json"),
    file,
    about: golden.about,
    found,
    requests: messages(requestOf(golden.request, file), input, found, file),
    tolerances: toTolerances(output, golden.tolerances ?? {}),
    expectedOf: new Map(Object.entries(golden.responses ?? {}).map(([name, json]) => [name, expected(json)])),
    expected: common || undefined,
  };
}

function goldenFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function contractOf({ method }: GoldenFile): string {
  return method.split("/")[0]!;
}

function messages(json: JsonValue, schema: DescMessage, { method, registry }: FoundMethod, file: string): Message[] {
  const streams = method.methodKind !== "unary";
  if (streams !== Array.isArray(json)) {
    throw new Error(
      `${method.name} ${streams ? "streams: expected a list of messages" : "takes one message, not a list"}`,
    );
  }
  const around = { registry, folder: path.dirname(file) };
  return [json].flat().map((message) => readMessage(schema, message, around));
}

function requestOf(request: JsonValue, file: string): JsonValue {
  if (typeof request !== "string" || !request.startsWith("@")) return request;
  return parse(path.resolve(path.dirname(file), request.slice(1)));
}

function parse(file: string): JsonValue {
  try {
    return JSON.parse(String(readFile(file)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`${shownFile(file)} is no JSON: ${error.message}`);
  }
}

function codeOf(name: string): status {
  return status[name as keyof typeof status];
}

function inFile<Value>(file: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    const shown = shownFile(file);
    const { message } = error as Error;
    throw new Error(message.startsWith(shown) ? message : `${shown}: ${message}`);
  }
}
