import { existsSync } from "node:fs";
import path from "node:path";
import { type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { findInImage, type MethodName } from "../client/find-method.js";
import { readFile } from "../client/message-json.js";
import { mapScalars } from "../contract/json-fields.js";
import { shownFile } from "../fleet/findings.js";
import { goldenFolder } from "../fleet/golden-folder.js";
import { contractImage } from "../fleet/protos.js";
import { type GoldenFile, readGoldenFile } from "../testing/golden-case.js";
import { openGoldenSuite } from "../testing/golden-suite.js";
import { type RequestSource, readJson, toRequestSource } from "./call-request.js";
import type { WrittenTolerances } from "./tolerance-option.js";

/** A case that is to be recorded: its file, with the answers that it had so far. */
export interface Draft {
  readonly path: string;
  readonly file: GoldenFile;
}

/** What a case is to be, as the command line says it. */
export interface DraftOptions {
  readonly case?: string;
  readonly about?: string;
  readonly tolerance?: WrittenTolerances;
}

/**
 * The contract's cases, or the one that is named.
 * @throws Error where there is none
 */
export async function knownDrafts(root: string, contract: string, options: DraftOptions): Promise<Draft[]> {
  const { cases, folder } = await openGoldenSuite(root, contract);
  const chosen = cases.filter(({ name }) => options.case === undefined || name === options.case);
  if (chosen.length === 0) {
    const which = options.case === undefined ? "no golden case" : `no golden case "${options.case}"`;
    throw new Error(`there is ${which} in ${shownFile(folder)}: give a request, and --case with a name`);
  }
  return chosen.map(({ file }) => ({ path: file, file: withOptions(readGoldenFile(file), options) }));
}

/**
 * A case for a request that the command line gives. What a file of that name says of tolerances and answers stays.
 * @throws Error where the request can't be read
 */
export async function newDraft(
  root: string,
  { name, request }: { readonly name: MethodName; readonly request: string },
  options: DraftOptions,
): Promise<Draft> {
  if (options.case === undefined) throw new Error("--case with the case's name is missing");
  const file = path.join(goldenFolder(root, name.contract), `${options.case}.json`);
  const known = existsSync(file) ? readGoldenFile(file) : undefined;
  const { method } = findInImage(await contractImage(root, name.contract), name);
  const source = toRequestSource(request, process.stdin);
  const json =
    namedFile(root, source, file) ?? movedFiles(root, await readJson(source), { schema: method.input, source, file });
  const called = method.name === "Predict" ? name.contract : `${name.contract}/${method.name}`;
  return { path: file, file: withOptions({ ...known, method: called, request: json }, options) };
}

function withOptions(file: GoldenFile, { about, tolerance }: DraftOptions): GoldenFile {
  const tolerances = tolerance ? { ...file.tolerances, ...tolerance } : file.tolerances;
  return { ...file, about: about ?? file.about, tolerances };
}

/** A file of the fleet's own is named, not copied: `@../samples/request.json`. */
function namedFile(root: string, source: RequestSource, file: string): string | undefined {
  if (source.kind !== "file" || !source.path.endsWith(".json")) return undefined;
  return fromCase(root, path.resolve(source.path), file);
}

interface Moved {
  readonly schema: DescMessage;
  readonly source: RequestSource;
  /** The case's own. */
  readonly file: string;
}

/** Files that stand for bytes are named from the case's folder; those from outside of the fleet are copied. */
function movedFiles(root: string, json: JsonValue, { schema, source, file }: Moved): JsonValue {
  const folder = source.kind === "file" ? path.dirname(source.path) : ".";
  const moved = (message: JsonValue) =>
    mapScalars(schema, message, (type, value) => {
      if (type !== ScalarType.BYTES || typeof value !== "string" || !value.startsWith("@")) return value;
      const absolute = path.resolve(folder, value.slice(1));
      return fromCase(root, absolute, file) ?? readFile(absolute).toString("base64");
    });
  return Array.isArray(json) ? json.map(moved) : moved(json);
}

function fromCase(root: string, absolute: string, file: string): string | undefined {
  if (path.relative(root, absolute).startsWith("..")) return undefined;
  return `@${path.relative(path.dirname(file), absolute)}`;
}
