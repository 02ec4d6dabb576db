import { fromBinary, fromJson, type Message, toBinary } from "@bufbuild/protobuf";
import type { FoundMethod } from "../client/find-method.js";
import { messageJson } from "../client/message-json.js";
import { type CloudEvent, type EventData, parseJson } from "./cloud-event.js";
import { EventError } from "./event-error.js";

/** How a prediction's data is written: protobuf's JSON mapping, or binary protobuf. */
export type EventFormat = "json" | "protobuf";

/** Content type of each format. */
export const CONTENT_TYPE: Readonly<Record<EventFormat, string>> = {
  json: "application/json",
  protobuf: "application/protobuf",
};

const PROTOBUF = /^application\/(x-|vnd\.google\.)?protobuf$/;
const JSON_TYPE = /^([a-z]+\/json|[a-z]+\/[a-z0-9.+-]+\+json)$/;

/**
 * The request that an event carries. Its own content type says how; without one it is JSON.
 * @throws EventError where the data does not fit the method
 */
export function readRequest({ attributes, data }: CloudEvent, { method, registry }: FoundMethod): Message {
  const type = (attributes.get("datacontenttype") ?? CONTENT_TYPE.json).split(";")[0]!.trim().toLowerCase();
  const isBinary = PROTOBUF.test(type);
  if (!isBinary && !JSON_TYPE.test(type)) {
    throw new EventError("WRONG_DATA", "datacontenttype: expected application/json or application/protobuf");
  }
  if (isBinary && "json" in data) {
    throw new EventError("WRONG_DATA", "data of type application/protobuf has to be in data_base64");
  }
  try {
    if (isBinary) return fromBinary(method.input, (data as { bytes: Uint8Array }).bytes);
    return fromJson(method.input, "json" in data ? data.json : parseJson(data.bytes), { registry });
  } catch (error) {
    const what = isBinary ? "the data" : "the JSON";
    throw new EventError("WRONG_DATA", `${what} does not fit ${method.input.typeName}: ${(error as Error).message}`);
  }
}

/** An answer as an event's data. */
export function writeAnswer(answer: Message, { method, registry }: FoundMethod, format: EventFormat): EventData {
  if (format === "protobuf") return { bytes: toBinary(method.output, answer) };
  return { json: messageJson(method.output, answer, registry) };
}
