import { isUtf8 } from "node:buffer";
import { createFileRegistry, type DescField, type DescMessage, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { invalid } from "./fault.js";
import { WireReader, WireType } from "./wire.js";

/**
 * Checks that bytes are a message: known fields have their wire type, texts are UTF-8, lengths add up. Other fields are
 * stepped over.
 * @throws Fault INVALID_INPUT naming the field
 */
export type MessageCheck = (bytes: Uint8Array<ArrayBuffer>) => void;

const MAX_DEPTH = 100;

/**
 * A check for the messages of one type.
 * @param image serialized `FileDescriptorSet` with the type and all it imports
 * @param typeName full name, `acme.digits.v1.PredictRequest`
 * @throws Error where the image has no such message
 */
export function createMessageCheck(image: Uint8Array, typeName: string): MessageCheck {
  const message = createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).getMessage(typeName);
  if (!message) throw new Error(`no message ${typeName}`);
  const fields = new FieldTable();
  return (bytes) => checkMessage(fields, message, new WireReader(bytes), 0);
}

/** Fields by number, worked out once for each message. */
class FieldTable {
  readonly #tables = new Map<DescMessage, ReadonlyMap<number, DescField>>();

  of(message: DescMessage): ReadonlyMap<number, DescField> {
    const known = this.#tables.get(message) ?? new Map(message.fields.map((field) => [field.number, field]));
    this.#tables.set(message, known);
    return known;
  }
}

function checkMessage(fields: FieldTable, message: DescMessage, reader: WireReader, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(`messages nested over ${MAX_DEPTH} deep`);
  const table = fields.of(message);
  while (!reader.done) {
    const tag = reader.tag();
    const field = table.get(tag >>> 3);
    if (field === undefined) reader.skip(tag & 7);
    else checkField(fields, field, reader, { wireType: tag & 7, depth });
  }
}

function checkField(
  fields: FieldTable,
  field: DescField,
  reader: WireReader,
  at: { wireType: number; depth: number },
): void {
  const { wireType, depth } = at;
  const expected = wireTypeOf(field);
  const packed = field.fieldKind === "list" && wireType === WireType.BYTES && expected !== WireType.BYTES;
  if (wireType !== expected && !packed)
    throw invalid(`field "${field.name}": expected wire type ${expected}, got ${wireType}`);
  if (packed) {
    const elements = new WireReader(reader.delimited());
    while (!elements.done) elements.skip(expected);
  } else if (field.message && field.fieldKind !== "map") {
    checkMessage(fields, field.message, new WireReader(reader.delimited()), depth + 1);
  } else if (field.scalar === ScalarType.STRING && field.fieldKind !== "map") {
    if (!isUtf8(reader.delimited())) throw invalid(`field "${field.name}": text that is not UTF-8`);
  } else {
    reader.skip(wireType);
  }
}

/** A map's entries are messages; their keys and values are left to the decoder. */
function wireTypeOf(field: DescField): number {
  if (field.fieldKind === "map" || field.message) return WireType.BYTES;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.BYTES;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.FIXED32;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.FIXED64;
    default:
      return WireType.VARINT;
  }
}
