import type { ScalarKind } from "./binding.js";
import {
  claimBytes,
  createData,
  type Datatype,
  elementSize,
  type FixedDatatype,
  type NumericData,
} from "./datatype.js";
import { invalid } from "./fault.js";
import { toBytes } from "./tensor.js";
import { varint64Size, varintSize, WireReader, WireType, type WireWriter } from "./wire.js";

/** Wire type of one element of a field type. */
export function wireTypeOf(scalar: ScalarKind): number {
  switch (scalar) {
    case "float":
    case "fixed32":
    case "sfixed32":
      return WireType.FIXED32;
    case "double":
    case "fixed64":
    case "sfixed64":
      return WireType.FIXED64;
    case "string":
    case "bytes":
      return WireType.BYTES;
    default:
      return WireType.VARINT;
  }
}

/**
 * Collects the elements of one `repeated` numeric field as they lie on the wire. One packed stretch, the usual case,
 * stays a view; several stretches, or elements on their own, are joined (all of that is valid protobuf).
 */
export class PackedCollector {
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  #owned = false;

  add(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#bytes === undefined) {
      this.#bytes = chunk;
      this.#length = chunk.length;
      return;
    }
    const length = this.#length + chunk.length;
    if (!this.#owned || length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(64, length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
      this.#owned = true;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }

  get present(): boolean {
    return this.#bytes !== undefined;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes?.subarray(0, this.#length) ?? new Uint8Array(0);
  }
}

/**
 * The elements of packed bytes, which nobody reads again. Fixed-width ones are handed over as they lie; varints are read one by one.
 * @throws Fault INVALID_INPUT on a broken element, or one out of the datatype's range
 */
export function unpack(scalar: ScalarKind, datatype: FixedDatatype, bytes: Uint8Array<ArrayBuffer>): NumericData {
  if (scalar === "bytes" || wireTypeOf(scalar) !== WireType.VARINT) {
    const size = elementSize(datatype);
    if (bytes.length % size !== 0) {
      throw invalid(`${bytes.length} bytes are not a whole number of ${datatype} elements of ${size} bytes`);
    }
    if (datatype === "BOOL" && !bytes.every((byte) => byte <= 1)) throw invalid("a BOOL is a byte 0 or 1");
    return claimBytes(datatype, bytes);
  }
  if (scalar === "bool") return unpackBools(bytes);
  const data = createData(datatype, countVarints(bytes)) as NumericData;
  const reader = new WireReader(bytes);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) unpack64(reader, data, scalar === "sint64");
  else unpack32(reader, data, scalar === "sint32");
  if (datatype !== "INT32" && datatype !== "UINT32") checkNarrow(bytes, data, scalar, datatype);
  return data;
}

/** Encoders write 0 and 1, which is what a BOOL tensor holds; only other spellings need reading. */
function unpackBools(bytes: Uint8Array<ArrayBuffer>): NumericData {
  if (bytes.every((byte) => byte <= 1)) return bytes;
  const data = new Uint8Array(countVarints(bytes));
  const reader = new WireReader(bytes);
  for (let index = 0; index < data.length; index++) {
    data[index] = reader.varint64Low() !== 0 || reader.high !== 0 ? 1 : 0;
  }
  return data;
}

function countVarints(bytes: Uint8Array): number {
  let count = 0;
  for (let index = 0; index < bytes.length; index++) if (bytes[index]! < 0x80) count++;
  if (bytes.length > 0 && bytes[bytes.length - 1]! >= 0x80) throw invalid("not valid protobuf: truncated varint");
  return count;
}

/** Writes the two halves of each element instead of making a BigInt of it. */
function unpack64(
  reader: WireReader,
  data: BigInt64Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
  zigzag: boolean,
): void {
  const halves = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  for (let index = 0; index < halves.length; index += 2) {
    let low = reader.varint64Low();
    let high = reader.high;
    if (zigzag) {
      const sign = -(low & 1);
      low = ((low >>> 1) | (high << 31)) ^ sign;
      high = (high >>> 1) ^ sign;
    }
    halves[index] = low;
    halves[index + 1] = high;
  }
}

function unpack32(
  reader: WireReader,
  data: Exclude<NumericData, BigInt64Array | BigUint64Array>,
  zigzag: boolean,
): void {
  for (let index = 0; index < data.length; index++) {
    const value = reader.varint64Low();
    data[index] = zigzag ? (value >>> 1) ^ -(value & 1) : value;
  }
}

/** A typed array wraps a value that is too large; the caller is told instead. */
function checkNarrow(bytes: Uint8Array<ArrayBuffer>, data: NumericData, scalar: ScalarKind, datatype: Datatype): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return;
  const reader = new WireReader(bytes);
  for (let index = 0; index < data.length; index++) {
    const value = read32(reader, scalar);
    if (value !== data[index]) throw invalid(`value ${index} is ${value}, out of the range of ${datatype}`);
  }
}

function read32(reader: WireReader, scalar: ScalarKind): number {
  const value = reader.varint64Low();
  if (scalar === "uint32") return value;
  return scalar === "sint32" ? (value >>> 1) ^ -(value & 1) : value | 0;
}

/** Bytes that `pack` writes for a tensor's elements. */
export function packedSize(scalar: ScalarKind, data: NumericData): number {
  if (scalar === "bytes" || wireTypeOf(scalar) !== WireType.VARINT) return data.byteLength;
  if (scalar === "bool") return data.length;
  let size = 0;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (const value of data) size += varint64Size(scalar === "sint64" ? zigzag64(value) : value);
  } else {
    for (const value of data) size += size32(scalar, value);
  }
  return size;
}

/** Writes a tensor's elements, packed. */
export function pack(writer: WireWriter, scalar: ScalarKind, data: NumericData): void {
  if (scalar === "bytes" || wireTypeOf(scalar) !== WireType.VARINT || scalar === "bool") {
    writer.raw(toBytes(data));
  } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (const value of data) writer.varint64(scalar === "sint64" ? zigzag64(value) : value);
  } else {
    for (const value of data) write32(writer, scalar, value);
  }
}

function zigzag64(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}

function zigzag32(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

function size32(scalar: ScalarKind, value: number): number {
  if (scalar === "sint32") return varintSize(zigzag32(value));
  return value < 0 ? 10 : varintSize(value);
}

function write32(writer: WireWriter, scalar: ScalarKind, value: number): void {
  if (scalar === "sint32") writer.varint(zigzag32(value));
  else if (value < 0) writer.varint64(BigInt(value));
  else writer.varint(value);
}
