import type { DescField, JsonValue, Message } from "@bufbuild/protobuf";
import type { FoundMethod } from "../client/find-method.js";
import type { Hop } from "../client/hop.js";
import { messageJson } from "../client/message-json.js";
import type { HopSummary } from "../telemetry/made-hops.js";
import { onStderr, onStdout } from "./colors.js";
import { formatTable } from "./table.js";

type JsonObject = Record<string, JsonValue | undefined>;

/** What a table's cell shows; `--output json` shows all. */
const MAX_ELEMENTS = 8;
const MAX_CELL_LENGTH = 100;

/** An answer in protobuf's JSON mapping. */
export function answerJson(answer: Message, { method, registry }: FoundMethod): JsonValue {
  return messageJson(method.output, answer, registry);
}

/** An answer for people: a row for each record, and for each field that holds no records. */
export function answerTable(answer: Message, found: FoundMethod): string {
  const json = answerJson(answer, found) as JsonObject;
  const fields = found.method.output.fields.filter((field) => json[field.jsonName] !== undefined);
  const lists = fields.filter(isRecordList);
  const others = fields.filter((field) => !isRecordList(field));
  const tables = lists.map((field) => {
    const table = recordTable(field, json[field.jsonName] as JsonObject[]);
    return lists.length === 1 ? table : `${onStdout.bold(field.name)}\n${table}`;
  });
  if (others.length > 0) tables.unshift(fieldTable(others, json));
  return tables.join("\n\n");
}

function isRecordList(field: DescField): boolean {
  return field.fieldKind === "list" && field.listKind === "message";
}

/** An answer of a stream on one line, for people. */
export function answerLine(answer: Message, found: FoundMethod): string {
  const json = answerJson(answer, found) as JsonObject;
  return found.method.output.fields
    .filter((field) => json[field.jsonName] !== undefined)
    .map((field) => `${onStdout.dim(field.name)} ${cell(json[field.jsonName])}`)
    .join("  ");
}

/** Who answered, and where the time went: `acme.fraud.v1 r1 answered in 3.10 ms (server 1.70 ms: …; overhead 1.40 ms)`. */
export function hopLine({ to, revision, release, elapsedMs, server, overheadMs, hops }: Hop): string {
  const named = release === undefined ? "" : ` of release ${release}`;
  const who = revision === undefined ? to : `${to} ${revision}${named}`;
  const stages = (["queue", "batch", "infer", "codec"] as const)
    .map((stage) => [stage, server?.[`${stage}Ms`]] as const)
    .filter(([, spentMs]) => spentMs !== undefined)
    .map(([stage, spentMs]) => `${stage} ${milliseconds(spentMs!)}`);
  const inside = server?.totalMs === undefined ? "" : `server ${milliseconds(server.totalMs)} ms: ${stages.join(", ")}`;
  const outside = overheadMs === undefined ? "" : `; overhead ${milliseconds(overheadMs)} ms`;
  const first = `${who} answered in ${milliseconds(elapsedMs)} ms${inside && ` (${inside}${outside})`}`;
  return onStderr.dim([first, ...hops.map(madeHopLine)].join("\n"));
}

/** Whom a composition called for its answer. */
function madeHopLine({ to, revision, calls, overheadMs }: HopSummary): string {
  const times = calls === 1 ? "one call" : `${calls} calls`;
  return `  by ${to}${revision && ` ${revision}`}: ${times}, overhead ${milliseconds(overheadMs)} ms`;
}

function fieldTable(fields: readonly DescField[], json: JsonObject): string {
  return formatTable(
    ["FIELD", "VALUE"],
    fields.map((field) => [field.name, cell(json[field.jsonName])]),
  );
}

function recordTable(field: DescField, records: readonly JsonObject[]): string {
  if (records.length === 0) return `${field.name}: none`;
  // A field that no record has would be an empty column.
  const columns = field.message!.fields.filter(({ jsonName }) =>
    records.some((record) => record[jsonName] !== undefined),
  );
  return formatTable(
    columns.map(({ name }) => name.toUpperCase().replaceAll("_", " ")),
    records.map((record) => columns.map(({ jsonName }) => cell(record[jsonName]))),
  );
}

function cell(value: JsonValue | undefined): string {
  const text = brief(value, 6);
  return text.length > MAX_CELL_LENGTH ? `${text.slice(0, MAX_CELL_LENGTH - 1)}…` : text;
}

function brief(value: JsonValue | undefined, digits: number): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(Number(value.toPrecision(digits)));
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_ELEMENTS).map((element) => brief(element, 4));
    return `[${shown.join(", ")}${value.length > MAX_ELEMENTS ? `, … ${value.length} in all` : ""}]`;
  }
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value).map(([name, inner]) => `${name}: ${brief(inner, 4)}`);
  return `{${entries.join(", ")}}`;
}

function milliseconds(spentMs: number): string {
  return spentMs >= 100 ? spentMs.toFixed(0) : spentMs.toFixed(spentMs >= 10 ? 1 : 2);
}
