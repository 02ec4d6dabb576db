import { readFileSync } from "node:fs";
import path from "node:path";
import {
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { mapScalars, shortenFloat } from "../contract/json-fields.js";

/** A message in protobuf's JSON mapping: enums by name, 64-bit integers as strings, bytes in base64, zeros included. */
export function messageJson(schema: DescMessage, message: Message, registry: Registry): JsonValue {
  const json = toJson(schema, message, { registry, alwaysEmitImplicit: true });
  return mapScalars(schema, json as JsonValue, shortenFloat);
}

/**
 * Reads a message from protobuf's JSON. A path behind "@" in a field of type bytes stands for the file's content.
 * @param around.folder what such paths are relative to
 * @throws Error with what is wrong with the JSON, or which file can't be read
 */
export function readMessage(
  schema: DescMessage,
  json: JsonValue,
  { registry, folder }: { readonly registry: Registry; readonly folder: string },
): Message {
  const withFiles = mapScalars(schema, json, (type, value) =>
    type === ScalarType.BYTES && typeof value === "string" && value.startsWith("@")
      ? readFile(path.resolve(folder, value.slice(1))).toString("base64")
      : value,
  );
  try {
    return fromJson(schema, withFiles, { registry });
  } catch (error) {
    throw new Error(`the JSON does not fit ${schema.typeName}: ${(error as Error).message}`);
  }
}

/** @throws Error that names the file */
export function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`${file}: ${code === "ENOENT" ? "there is no such file" : message}`);
  }
}
