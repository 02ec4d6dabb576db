import { isUtf8 } from "node:buffer";
import { type Fault, invalid } from "./fault.js";

/** Wire types of protobuf. @see https://protobuf.dev/programming-guides/encoding/#structure */
export const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, START_GROUP: 3, END_GROUP: 4, FIXED32: 5 } as const;

const MAX_GROUP_DEPTH = 64;

/** Reads protobuf's wire format from `bytes` without copying. All methods throw Fault INVALID_INPUT on malformed input. */
export class WireReader {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly end: number;
  position: number;
  readonly #view: DataView;
  /** The high 32 bits of the last `varint64Low()`. */
  high = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>, position = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** Field number times 8 plus wire type. */
  tag(): number {
    const tag = this.varint32();
    if (tag >>> 3 === 0) throw this.#malformed("field number 0");
    return tag;
  }

  /** An unsigned varint's low 32 bits. */
  varint32(): number {
    const first = this.bytes[this.position];
    if (first !== undefined && first < 0x80 && this.position < this.end) {
      this.position++;
      return first;
    }
    return this.varint64Low();
  }

  /** A varint's low 32 bits, unsigned; its high 32 bits are then in `high`. */
  varint64Low(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.end) throw this.#malformed("truncated varint");
      const byte = this.bytes[this.position++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
      if (byte < 0x80) {
        this.high = high >>> 0;
        return low >>> 0;
      }
    }
    throw this.#malformed("varint longer than 10 bytes");
  }

  /** A varint read as a signed 64-bit integer. */
  int64(): bigint {
    const low = this.varint64Low();
    return BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(low));
  }

  /** A varint read as an unsigned 64-bit integer. */
  uint64(): bigint {
    const low = this.varint64Low();
    return (BigInt(this.high) << 32n) | BigInt(low);
  }

  fixed32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  sfixed32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  fixed64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  sfixed64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** The bytes of a length-delimited field, as a view. */
  delimited(): Uint8Array<ArrayBuffer> {
    const length = this.length();
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** The length of a length-delimited field, which is known to be there whole. */
  length(): number {
    const length = this.varint64Low();
    if (this.high !== 0 || length > this.end - this.position) {
      throw this.#malformed(`field of ${this.high === 0 ? length : "over 4294967295"} bytes`);
    }
    return length;
  }

  /** A UTF-8 string for a tensor. One with a NUL is refused: ONNX Runtime would cut it off there without a word. */
  string(): string {
    const bytes = this.delimited();
    if (!isUtf8(bytes)) throw this.#malformed("string that is not UTF-8");
    if (bytes.includes(0)) throw invalid("a string holds a NUL character, which ONNX Runtime can't take; leave it out");
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  }

  /** A view of one element of `wireType`, VARINT, FIXED32 or FIXED64, as it lies on the wire. */
  element(wireType: number): Uint8Array<ArrayBuffer> {
    const start = this.position;
    this.skip(wireType);
    return this.bytes.subarray(start, this.position);
  }

  /** Steps over a field's value. */
  skip(wireType: number, depth = 0): void {
    switch (wireType) {
      case WireType.VARINT:
        this.varint64Low();
        return;
      case WireType.FIXED64:
        this.#take(8);
        return;
      case WireType.BYTES:
        this.#take(this.length());
        return;
      case WireType.FIXED32:
        this.#take(4);
        return;
      case WireType.START_GROUP:
        this.#skipGroup(depth);
        return;
      default:
        throw this.#malformed(`wire type ${wireType}`);
    }
  }

  #skipGroup(depth: number): void {
    if (depth >= MAX_GROUP_DEPTH) throw this.#malformed("groups nested too deep");
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) === WireType.END_GROUP) return;
      this.skip(tag & 7, depth + 1);
    }
  }

  #take(length: number): number {
    const start = this.position;
    if (length > this.end - start) throw this.#malformed("truncated field");
    this.position = start + length;
    return start;
  }

  #malformed(what: string): Fault {
    return invalid(`not valid protobuf: ${what} at byte ${this.position} of ${this.bytes.length}`);
  }
}

/** Writes protobuf's wire format into memory whose size was computed beforehand. */
export class WireWriter {
  readonly buffer: Buffer<ArrayBuffer>;
  position = 0;

  constructor(byteLength: number) {
    this.buffer = Buffer.allocUnsafe(byteLength);
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** A non-negative integer below 2^53. */
  varint(value: number): void {
    let rest = value;
    while (rest > 0x7fffffff) {
      this.buffer[this.position++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.buffer[this.position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.position++] = rest;
  }

  /** A 64-bit integer, negative ones in two's complement. */
  varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.buffer[this.position++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.position++] = Number(rest);
  }

  /** Bytes as they are, with no length before them. */
  raw(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  float(value: number): void {
    this.position = this.buffer.writeFloatLE(value, this.position);
  }

  double(value: number): void {
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  /** A string with its length before it. */
  string(value: string): void {
    this.varint(Buffer.byteLength(value));
    this.position += this.buffer.write(value, this.position);
  }

  /** What was written: the whole of the memory asked for. */
  finish(): Buffer<ArrayBuffer> {
    if (this.position !== this.buffer.length) {
      throw new Error(`wrote ${this.position} bytes of the ${this.buffer.length} computed`);
    }
    return this.buffer;
  }
}

/** Bytes that `WireWriter.varint` takes for a value. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Bytes that `WireWriter.varint64` takes for a value. */
export function varint64Size(value: bigint): number {
  if (value < 0n) return 10;
  let size = 1;
  for (let rest = value; rest > 0x7fn; rest >>= 7n) size++;
  return size;
}

/** Bytes of a field's tag. */
export function tagSize(field: number): number {
  return varintSize(field * 8);
}

/** Bytes of a length-delimited field: tag, length, content. */
export function delimitedSize(field: number, byteLength: number): number {
  return tagSize(field) + varintSize(byteLength) + byteLength;
}
