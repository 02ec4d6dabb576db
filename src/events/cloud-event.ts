import type { JsonValue } from "@bufbuild/protobuf";
import type { BrokerRecord } from "./broker.js";
import { EventError } from "./event-error.js";

/** An event of CloudEvents 1.0. */
export interface CloudEvent {
  /** Context attributes and extensions by name, as text; `id`, `source`, `type` and `specversion` are there. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly data: EventData;
}

/** What an event carries: in structured mode JSON may be there as such. */
export type EventData = { readonly json: JsonValue } | { readonly bytes: Uint8Array };

/** CloudEvents content modes: attributes in headers, or the whole event in the body. */
export type EventMode = "binary" | "structured";

const STRUCTURED = "application/cloudevents";
const STRUCTURED_JSON = "application/cloudevents+json";
/** Names are lower-case letters and digits; longer ones than these no SDK writes. */
const NAME = /^[a-z0-9]{1,64}$/;
const REQUIRED = ["specversion", "id", "source", "type"] as const;
/** Of one attribute: ids, traces and keys are much shorter. */
const MAX_ATTRIBUTE_CHARS = 4096;

/**
 * Reads an event as a broker delivers it, in either content mode: NATS' headers begin with `ce-`, Kafka's with `ce_`.
 * @throws EventError where it is none
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export function readCloudEvent(record: BrokerRecord): CloudEvent {
  const type = record.headers["content-type"] ?? "";
  const event = isStructured(record, type) ? readStructured(record, type) : readBinary(record, type);
  for (const name of REQUIRED) {
    if (!event.attributes.get(name)) throw new EventError("MALFORMED", `the event has no attribute ${name}`);
  }
  const version = event.attributes.get("specversion");
  if (version !== "1.0") throw new EventError("MALFORMED", `specversion: expected 1.0, got ${shown(version!)}`);
  return event;
}

/** Writes an event for a broker whose headers of attributes begin with `prefix`. Absent attributes are undefined. */
export function writeCloudEvent(event: CloudEvent, mode: EventMode, prefix: string): BrokerRecord {
  return mode === "binary" ? writeBinary(event, prefix) : writeStructured(event);
}

/** Text as headers take it: printable ASCII, all else percent-encoded as CloudEvents' HTTP binding has it. */
export function encodeHeader(text: string): string {
  return text.replace(/[^\x21-\x7e]|["%]/gu, (char) => {
    return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}

function decodeHeader(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // Written by a client that does not encode.
  }
}

/** NATS' first binding has no headers: an event without any is a structured one. */
function isStructured({ headers }: BrokerRecord, type: string): boolean {
  if (type.toLowerCase().startsWith(STRUCTURED)) return true;
  return type === "" && !Object.keys(headers).some((name) => /^ce[-_]/.test(name));
}

function readBinary({ headers, body }: BrokerRecord, type: string): CloudEvent {
  const attributes = new Map<string, string>();
  for (const [header, value] of Object.entries(headers)) {
    const name = /^ce[-_](.*)$/.exec(header)?.[1];
    if (name !== undefined) setAttribute(attributes, name, decodeHeader(value));
  }
  if (type !== "") setAttribute(attributes, "datacontenttype", type);
  return { attributes, data: { bytes: body } };
}

function readStructured({ body }: BrokerRecord, type: string): CloudEvent {
  const format = type.split(";")[0]!.trim().toLowerCase();
  if (format !== "" && format !== STRUCTURED_JSON) {
    throw new EventError("MALFORMED", `content type: expected ${STRUCTURED_JSON}, got ${shown(type)}`);
  }
  const json = parseJson(body);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new EventError("MALFORMED", "a structured event is a JSON object, and this is none");
  }
  const { data, data_base64: base64, ...rest } = json;
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(rest)) {
    if (value !== null) setAttribute(attributes, name, attributeText(name, value));
  }
  return { attributes, data: structuredData(data, base64) };
}

function structuredData(data: JsonValue | undefined, base64: JsonValue | undefined): EventData {
  if (base64 === undefined) return data === undefined ? { bytes: new Uint8Array() } : { json: data };
  if (data !== undefined) throw new EventError("MALFORMED", "the event has both data and data_base64");
  if (typeof base64 !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
    throw new EventError("MALFORMED", "data_base64 is no base64");
  }
  return { bytes: Buffer.from(base64, "base64") };
}

/** @throws EventError where the bytes are no JSON in UTF-8 */
export function parseJson(bytes: Uint8Array): JsonValue {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as JsonValue;
  } catch (error) {
    throw new EventError("MALFORMED", `no JSON: ${(error as Error).message}`);
  }
}

function attributeText(name: string, value: JsonValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || Number.isInteger(value)) return String(value);
  throw new EventError("MALFORMED", `attribute ${shown(name)}: expected a text, a whole number, true or false`);
}

function setAttribute(attributes: Map<string, string>, name: string, value: string): void {
  if (!NAME.test(name)) {
    throw new EventError("MALFORMED", `attribute ${shown(name)}: expected lower-case letters and digits`);
  }
  if (value.length > MAX_ATTRIBUTE_CHARS) {
    const message = `attribute ${name}: expected at most ${MAX_ATTRIBUTE_CHARS} characters, got ${value.length}`;
    throw new EventError("MALFORMED", message);
  }
  attributes.set(name, value);
}

function writeBinary({ attributes, data }: CloudEvent, prefix: string): BrokerRecord {
  const headers: Record<string, string> = {};
  for (const [name, value] of attributes) {
    if (name === "datacontenttype") headers["content-type"] = value;
    else headers[`${prefix}${name}`] = encodeHeader(value);
  }
  return { headers, body: "bytes" in data ? data.bytes : Buffer.from(JSON.stringify(data.json)) };
}

function writeStructured({ attributes, data }: CloudEvent): BrokerRecord {
  const content = "bytes" in data ? { data_base64: Buffer.from(data.bytes).toString("base64") } : { data: data.json };
  const body = Buffer.from(JSON.stringify({ ...Object.fromEntries(attributes), ...content }));
  return { headers: { "content-type": `${STRUCTURED_JSON}; charset=UTF-8` }, body };
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
