import { createHash } from "node:crypto";
import type { Message } from "@bufbuild/protobuf";
import type { FoundMethod } from "../client/find-method.js";
import { RELEASE_ATTRIBUTE } from "../telemetry/trace.js";
import type { BrokerRecord, Delivery } from "./broker.js";
import { type CloudEvent, encodeHeader } from "./cloud-event.js";
import { CONTENT_TYPE, type EventFormat, writeAnswer } from "./event-data.js";
import type { EventError } from "./event-error.js";

/** An answer, and who gave it. */
export interface Answer {
  readonly message: Message;
  /** Undefined where the server does not say. */
  readonly revision: string | undefined;
  /** Hex sha256 of the model. */
  readonly modelDigest: string | undefined;
  /** The release whose revision it is, where the event named one. */
  readonly release: string | undefined;
}

/** What predictions are made of, whatever the event. */
export interface PredictionKind {
  readonly bridge: string;
  readonly found: FoundMethod;
  readonly format: EventFormat;
  /** Attribute that is the events' key, passed on. */
  readonly orderBy: string | undefined;
  /** What parts predictions of one event from others of the same bridge: the revision of a replay. */
  readonly scope?: string | undefined;
}

/** Of the cause, beside its key: what it is about, and its trace (CloudEvents' distributed tracing extension). */
const PASSED_ON = ["subject", "traceparent", "tracestate"];

/** The same for the same event, bridge and scope, however often it is predicted: who publishes it twice stores it once. */
export function predictionId(cause: CloudEvent, { bridge, scope = "" }: Pick<PredictionKind, "bridge" | "scope">) {
  return hash(["prediction", bridge, scope, cause.attributes.get("source"), cause.attributes.get("id")]);
}

/** The event that carries an answer. */
export function predictionEvent(cause: CloudEvent, answer: Answer, kind: PredictionKind): CloudEvent {
  const { bridge, found, format, orderBy } = kind;
  const passedOn = [...PASSED_ON, ...(orderBy === undefined ? [] : [orderBy])];
  const attributes: readonly (readonly [string, string | undefined])[] = [
    ["specversion", "1.0"],
    ["id", predictionId(cause, kind)],
    ["source", `/flotilla/bridges/${bridge}`],
    ["type", found.method.output.typeName],
    ["time", new Date().toISOString()],
    ["datacontenttype", CONTENT_TYPE[format]],
    ["contract", found.method.parent.file.proto.package],
    ["revision", answer.revision],
    ["modeldigest", answer.modelDigest],
    [RELEASE_ATTRIBUTE, answer.release],
    ["causeid", cause.attributes.get("id")],
    ["causesource", cause.attributes.get("source")],
    ...passedOn.map((name) => [name, cause.attributes.get(name)] as const),
  ];
  return {
    attributes: new Map(attributes.filter((pair): pair is readonly [string, string] => pair[1] !== undefined)),
    data: writeAnswer(answer.message, found, format),
  };
}

/** The same for the same delivery, however often it fails. */
export function deadLetterId({ from, position }: Delivery, bridge: string): string {
  return hash(["dead", bridge, from, position]);
}

/**
 * An event that can't be predicted: as it came, with headers that say why and where it is.
 * @param maxBytes where the whole is longer, its body is left out: it is still in the stream
 */
export function deadLetter(
  { headers, body, from, position }: Delivery,
  { reason, message, attempts }: EventError,
  { bridge, maxBytes }: { readonly bridge: string; readonly maxBytes: number },
): BrokerRecord {
  const told = {
    "flotilla-bridge": bridge,
    "flotilla-reason": reason,
    "flotilla-error": encodeHeader(message.slice(0, 1000)),
    "flotilla-attempts": String(attempts),
    "flotilla-from": encodeHeader(from),
    "flotilla-position": position,
  };
  const whole = { headers: { ...headers, ...told }, body };
  if (recordBytes(whole) <= maxBytes) return whole;
  return { headers: { ...told, "flotilla-body": `left out, ${body.length} bytes` }, body: new Uint8Array() };
}

/** Length of a record with its headers, and what a broker puts around them. */
export function recordBytes({ headers, body }: BrokerRecord): number {
  const around = 512;
  const each = Object.entries(headers).map(([name, value]) => name.length + Buffer.byteLength(value) + 4);
  return body.length + around + each.reduce((sum, bytes) => sum + bytes, 0);
}

function hash(parts: readonly (string | undefined)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 32);
}
