import { createReadStream } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { JsonValue } from "@bufbuild/protobuf";
import { type FoundMethod, findInImage, type MethodName } from "../client/find-method.js";
import { readFile, readMessage } from "../client/message-json.js";
import { shownFile } from "../fleet/findings.js";
import { readRecording, recordedRequests } from "../testing/recording.js";
import type { CallToSend } from "../testing/send-call.js";

/** Where requests for a contract are read from. */
export interface RequestsFile {
  /** A recording, or JSON: one request, a list of them, or one a line. */
  readonly file: string;
  readonly name: MethodName;
  /** The contract's serialized `FileDescriptorSet`. */
  readonly image: Uint8Array;
}

/**
 * Reads requests one by one. Of a recording those of the contract count, whatever their method; those in JSON are of the
 * method that is named.
 * @throws Error that names the file and what is wrong with it
 */
export async function* readRequestsFile(source: RequestsFile): AsyncGenerator<CallToSend> {
  if (/\.(json|ndjson|jsonl)$/.test(source.file)) yield* jsonCalls(source);
  else yield* recordedCalls(source);
}

async function* recordedCalls({ file, name, image }: RequestsFile): AsyncGenerator<CallToSend> {
  const methods = new Map<string, FoundMethod>();
  const others = new Set<string>();
  let used = 0;
  const onCut = (bytes: number) =>
    process.stderr.write(`${shownFile(file)}: its last ${bytes} bytes are no whole call, and are left out\n`);
  for await (const call of readRecording(file, onCut)) {
    const [service = "", method = ""] = call.method.slice(1).split("/");
    const contract = service.slice(0, service.lastIndexOf("."));
    if (contract !== name.contract) {
      others.add(contract);
      continue;
    }
    const found = methods.get(call.method) ?? findInImage(image, { contract: service, method });
    methods.set(call.method, found);
    used++;
    yield { found, requests: recordedRequests(call, found) };
  }
  if (used > 0) return;
  const there = others.size === 0 ? "it is empty" : `it has calls of ${[...others].join(", ")}`;
  throw new Error(`${shownFile(file)} has no call of ${name.contract}: ${there}`);
}

async function* jsonCalls({ file, name, image }: RequestsFile): AsyncGenerator<CallToSend> {
  const found = findInImage(image, name);
  for await (const [where, json] of jsonRequests(file, found)) {
    const list = found.method.methodKind === "unary" ? [json] : [json].flat();
    const around = { registry: found.registry, folder: path.dirname(file) };
    try {
      yield { found, requests: list.map((message) => readMessage(found.method.input, message, around)) };
    } catch (error) {
      throw new Error(`${where}: ${(error as Error).message}`);
    }
  }
}

/** Each request's JSON and where it stands. A stream's requests are a list, and a file of streams a list of lists. */
async function* jsonRequests(file: string, { method }: FoundMethod): AsyncGenerator<readonly [string, JsonValue]> {
  const shown = shownFile(file);
  if (file.endsWith(".json")) {
    const json = parse(String(readFile(file)), shown);
    const isList = Array.isArray(json) && (method.methodKind === "unary" || json.every(Array.isArray));
    for (const [index, one] of (isList ? json : [json]).entries()) yield [`${shown} [${index}]`, one];
    return;
  }
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    if (text.trim() !== "") yield [`${shown} line ${line}`, parse(text, `${shown} line ${line}`)];
  }
}

function parse(text: string, where: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${where} is no JSON: ${(error as Error).message}`);
  }
}
