import type { ScalarKind } from "../../contract/binding.js";
import type { Datatype, FixedDatatype, NumericData, TensorData } from "../../contract/datatype.js";
import { invalid } from "../../contract/fault.js";
import { PackedCollector, pack, packedSize, unpack, wireTypeOf } from "../../contract/packed.js";
import { WireReader, WireType } from "../../contract/wire.js";
import { bytesPiece, type Piece, textPiece } from "./piece.js";
import { toElement } from "./wire-text.js";

interface ContentsField {
  readonly number: number;
  readonly name: string;
  readonly scalar: ScalarKind;
}

const FIELDS = [
  { number: 1, name: "bool_contents", scalar: "bool" },
  { number: 2, name: "int_contents", scalar: "int32" },
  { number: 3, name: "int64_contents", scalar: "int64" },
  { number: 4, name: "uint_contents", scalar: "uint32" },
  { number: 5, name: "uint64_contents", scalar: "uint64" },
  { number: 6, name: "fp32_contents", scalar: "float" },
  { number: 7, name: "fp64_contents", scalar: "double" },
  { number: 8, name: "bytes_contents", scalar: "bytes" },
] as const satisfies ContentsField[];

/** Which field of `InferTensorContents` holds elements of a datatype. FP16 has none. */
const FIELD_OF: Record<Datatype, ContentsField | undefined> = {
  BOOL: FIELDS[0],
  INT8: FIELDS[1],
  INT16: FIELDS[1],
  INT32: FIELDS[1],
  INT64: FIELDS[2],
  UINT8: FIELDS[3],
  UINT16: FIELDS[3],
  UINT32: FIELDS[3],
  UINT64: FIELDS[4],
  FP16: undefined,
  FP32: FIELDS[5],
  FP64: FIELDS[6],
  BYTES: FIELDS[7],
};

/** Whether elements of a datatype have a field in `InferTensorContents`. */
export function hasTypedContents(datatype: Datatype): boolean {
  return FIELD_OF[datatype] !== undefined;
}

/**
 * The elements that an encoded `InferTensorContents` holds. One packed stretch of FP32 or FP64 stays a view.
 * @throws Fault INVALID_INPUT
 */
export function readTypedContents(datatype: Datatype, contents: Uint8Array<ArrayBuffer>): TensorData {
  const field = FIELD_OF[datatype];
  if (field === undefined) throw invalid(`${datatype} has no typed contents: send it in raw_input_contents`);
  if (datatype === "BYTES") return readStrings(field, contents);
  const collector = new PackedCollector();
  const wireType = wireTypeOf(field.scalar);
  const reader = new WireReader(contents);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field.number * 8 + WireType.BYTES) collector.add(reader.delimited());
    else if (tag === field.number * 8 + wireType) collector.add(reader.element(wireType));
    else skipUnknown(reader, tag, datatype);
  }
  return unpack(field.scalar, datatype as FixedDatatype, collector.bytes);
}

function readStrings(field: ContentsField, contents: Uint8Array<ArrayBuffer>): string[] {
  const strings: string[] = [];
  const reader = new WireReader(contents);
  while (!reader.done) {
    const tag = reader.tag();
    if (tag !== field.number * 8 + WireType.BYTES) skipUnknown(reader, tag, "BYTES");
    else strings.push(toElement(reader.delimited(), strings.length));
  }
  return strings;
}

/** Steps over a field that this version does not know; elements of another datatype are a mistake. */
function skipUnknown(reader: WireReader, tag: number, datatype: Datatype): void {
  const other = FIELDS[(tag >>> 3) - 1];
  if (other !== undefined) throw invalid(`expected ${FIELD_OF[datatype]?.name} for ${datatype}, got ${other.name}`);
  reader.skip(tag & 7);
}

/** A tensor's elements as the fields of an `InferTensorContents`. */
export function typedContentsPieces(datatype: Datatype, data: TensorData): Piece[] {
  const field = FIELD_OF[datatype];
  if (field === undefined) throw new Error(`${datatype} has no typed contents`);
  if (datatype === "BYTES") return (data as string[]).map((text) => textPiece(field.number, text));
  const numbers = data as NumericData;
  if (numbers.length === 0) return [];
  const byteLength = packedSize(field.scalar, numbers);
  return [bytesPiece(field.number, byteLength, (writer) => pack(writer, field.scalar, numbers))];
}
