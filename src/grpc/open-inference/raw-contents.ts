import { claimBytes, type Datatype, elementSize, type NumericData, type TensorData } from "../../contract/datatype.js";
import { invalid } from "../../contract/fault.js";
import { toBytes } from "../../contract/tensor.js";
import { bytesPiece, type Piece } from "./piece.js";
import { toElement } from "./wire-text.js";

/** Bytes of the length before each BYTES element. */
const LENGTH_BYTES = 4;

/**
 * The `count` elements that raw contents hold. Elements of a fixed size stay where they lie, and nobody reads
 * the bytes again.
 * @throws Fault INVALID_INPUT
 */
export function readRawContents(datatype: Datatype, count: number, bytes: Uint8Array<ArrayBuffer>): TensorData {
  if (datatype === "BYTES") return readRawStrings(count, bytes);
  const expected = count * elementSize(datatype);
  if (bytes.length !== expected) {
    throw invalid(`expected ${expected} raw bytes (${count} elements of ${datatype}), got ${bytes.length}`);
  }
  // Any other byte is no value of a C++ bool, and reading it there is undefined.
  if (datatype === "BOOL") checkBools(bytes);
  return claimBytes(datatype, bytes);
}

function checkBools(bytes: Uint8Array): void {
  const index = bytes.findIndex((byte) => byte > 1);
  if (index >= 0) throw invalid(`element ${index}: expected 0 or 1 for BOOL, got ${bytes[index]}`);
}

function readRawStrings(count: number, bytes: Uint8Array<ArrayBuffer>): string[] {
  const expected = `expected ${count} BYTES elements, each with its length in 4 little-endian bytes before it`;
  // Refused before anything of that size is made.
  if (count * LENGTH_BYTES > bytes.length) throw invalid(`${expected}, got ${bytes.length} bytes in all`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  let position = 0;
  for (let index = 0; index < count; index++) {
    if (bytes.length - position < LENGTH_BYTES)
      throw invalid(`${expected}, got ${index} and ${bytes.length - position} bytes`);
    const length = view.getUint32(position, true);
    position += LENGTH_BYTES;
    if (length > bytes.length - position) {
      throw invalid(`element ${index}: expected ${length} bytes, got ${bytes.length - position}: truncated`);
    }
    strings.push(toElement(bytes.subarray(position, position + length), index));
    position += length;
  }
  if (position !== bytes.length) throw invalid(`${expected}, got ${bytes.length - position} bytes more`);
  return strings;
}

/** A tensor's elements as an entry of `raw_output_contents`, whose field number is `field`. */
export function rawContentsPiece(field: number, data: TensorData): Piece {
  if (!Array.isArray(data)) return numericPiece(field, data);
  const lengths = data.map((text) => Buffer.byteLength(text));
  const byteLength = lengths.reduce((sum, length) => sum + LENGTH_BYTES + length, 0);
  return bytesPiece(field, byteLength, (writer) => {
    for (let index = 0; index < data.length; index++) {
      writer.position = writer.buffer.writeUInt32LE(lengths[index]!, writer.position);
      writer.position += writer.buffer.write(data[index]!, writer.position);
    }
  });
}

function numericPiece(field: number, data: NumericData): Piece {
  return bytesPiece(field, data.byteLength, (writer) => writer.raw(toBytes(data)));
}
