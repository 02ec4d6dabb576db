import { createReadStream } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { JsonValue, Message } from "@bufbuild/protobuf";
import type { FoundMethod } from "../client/find-method.js";
import { readFile, readMessage } from "../client/message-json.js";

/** Where requests are read from. */
export type RequestSource =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdin"; readonly stream: Readable };

/** Reads `{"a": 1}`, `@file.json` and `-`. */
export function toRequestSource(argument: string, stdin: Readable): RequestSource {
  if (argument === "-") return { kind: "stdin", stream: stdin };
  if (argument.startsWith("@")) return { kind: "file", path: argument.slice(1) };
  return { kind: "text", text: argument };
}

/**
 * The JSON of a request, or of a list of them, as it stands there.
 * @throws Error with what is wrong with it, or which file can't be read
 */
export async function readJson(source: RequestSource): Promise<JsonValue> {
  return parse(await readAll(source), whereOf(source));
}

/**
 * The request of a unary method.
 * @throws Error with what is wrong with the JSON, or which file can't be read
 */
export async function readRequest(source: RequestSource, found: FoundMethod): Promise<Message> {
  return toMessage(await readJson(source), found, source);
}

/**
 * The requests of a method that takes a stream: a JSON array of them, or one a line. Lines from stdin are passed on as
 * they come.
 * @throws Error with what is wrong with the JSON, or which file can't be read
 */
export async function* readRequests(source: RequestSource, found: FoundMethod): AsyncGenerator<Message> {
  if (source.kind === "text") {
    for (const json of toList(parse(source.text, whereOf(source)))) yield toMessage(json, found, source);
    return;
  }
  const whole = source.kind === "file" ? tryParse(readFile(source.path)) : undefined;
  if (whole !== undefined) {
    for (const json of toList(whole)) yield toMessage(json, found, source);
    return;
  }
  let line = 0;
  const input = source.kind === "file" ? createReadStream(source.path) : source.stream;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    if (text.trim() !== "") yield toMessage(parse(text, `${whereOf(source)} line ${line}`), found, source);
  }
}

function toMessage(json: JsonValue, { method, registry }: FoundMethod, source: RequestSource): Message {
  // A path inside a file is relative to the file, so that the two can be moved together.
  const folder = source.kind === "file" ? path.dirname(source.path) : ".";
  return readMessage(method.input, json, { registry, folder });
}

function parse(text: string | Buffer, where: string): JsonValue {
  try {
    return JSON.parse(String(text));
  } catch (error) {
    throw new Error(`${where} is no JSON: ${(error as Error).message}`);
  }
}

function tryParse(text: Buffer): JsonValue | undefined {
  try {
    return JSON.parse(String(text));
  } catch {
    // One message a line, then; the lines say what is wrong with them.
    return undefined;
  }
}

function toList(json: JsonValue): readonly JsonValue[] {
  return Array.isArray(json) ? json : [json];
}

async function readAll(source: RequestSource): Promise<string | Buffer> {
  if (source.kind === "text") return source.text;
  if (source.kind === "file") return readFile(source.path);
  const chunks: Buffer[] = [];
  for await (const chunk of source.stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function whereOf(source: RequestSource): string {
  if (source.kind === "text") return "the request";
  return source.kind === "file" ? source.path : "what came on stdin";
}
