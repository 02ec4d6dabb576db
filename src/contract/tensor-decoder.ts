import type { TensorField } from "./binding.js";
import type { Datatype, FixedDatatype, TensorData } from "./datatype.js";
import { type Fault, invalid } from "./fault.js";
import { PackedCollector, unpack, wireTypeOf } from "./packed.js";
import { shapeFits } from "./signature.js";
import { elementCount, formatShape, MAX_ELEMENTS, type Tensor } from "./tensor.js";
import { WireReader, WireType } from "./wire.js";

/** Most strings, and most dimensions, that one field may hold: each costs far more memory than its bytes on the wire. */
const MAX_STRINGS = 1 << 20;
const MAX_RANK = 32;
/** Elements that may come one by one, not packed: reading those costs a hundred times as much. */
const MAX_UNPACKED = 1 << 20;
/** All bits of an FP16's exponent set: NaN or an infinity. */
const FP16_EXPONENT = 0x7c00;

/** One field of one message while it is read. */
export interface FieldDecoder {
  /** Takes the field's next occurrence. @throws Fault INVALID_INPUT */
  read(reader: WireReader, wireType: number): void;
  /** The tensors that the field fills. @throws Fault INVALID_INPUT */
  finish(): Tensor[];
}

/** Reads a field that is a whole tensor. */
export class TensorDecoder implements FieldDecoder {
  readonly #field: TensorField;
  readonly #elementWireType: number;
  #packed = new PackedCollector();
  #strings: string[] | undefined;
  #shape: number[] = [];
  #unpacked = 0;

  constructor(field: TensorField) {
    this.#field = field;
    this.#elementWireType = wireTypeOf(field.scalar);
  }

  read(reader: WireReader, wireType: number): void {
    const { form, scalar } = this.#field;
    if (form === "shaped") this.#readShaped(reader, wireType);
    else if (scalar === "string") this.#readString(reader, wireType);
    else if (form === "bytes") this.#replace(this.#expect(wireType, WireType.BYTES, reader).delimited());
    else if (form === "scalar") this.#replace(this.#expect(wireType, this.#elementWireType, reader).element(wireType));
    else this.#readElements(reader, wireType);
  }

  finish(): Tensor[] {
    const { tensor, datatype, finite } = this.#field;
    const data = this.#data();
    const shape = this.#field.form === "shaped" ? this.#statedShape(data.length) : this.#inferShape(data.length);
    if (finite)
      checkFinite(datatype, data, (index) => this.#fault(`value ${index} is ${data[index]}, expected a finite number`));
    return [{ name: tensor, datatype, shape, data }];
  }

  #data(): TensorData {
    const { scalar, datatype, form } = this.#field;
    if (scalar === "string") return this.#strings ?? (this.#absentScalar() ? [""] : []);
    try {
      const data = unpack(scalar, datatype as FixedDatatype, this.#packed.bytes);
      return form === "scalar" && data.length === 0 && this.#absentScalar()
        ? unpack(scalar, datatype as FixedDatatype, zeroElement(this.#elementWireType))
        : data;
    } catch (error) {
      throw this.#fault((error as Error).message);
    }
  }

  /** A proto3 scalar that is not on the wire is zero, unless the contract made it `optional`: then it was left out. */
  #absentScalar(): boolean {
    return this.#field.form === "scalar" && !this.#field.optional;
  }

  #readElements(reader: WireReader, wireType: number): void {
    if (wireType === WireType.BYTES) this.#packed.add(reader.delimited());
    else {
      if (++this.#unpacked > MAX_UNPACKED)
        throw this.#fault(`more than ${MAX_UNPACKED} values that are not packed; send them packed`);
      this.#packed.add(this.#expect(wireType, this.#elementWireType, reader).element(wireType));
    }
  }

  #readString(reader: WireReader, wireType: number): void {
    this.#expect(wireType, WireType.BYTES, reader);
    if (this.#field.form === "scalar" || this.#strings === undefined) this.#strings = [];
    if (this.#strings.length >= MAX_STRINGS) throw this.#fault(`more than ${MAX_STRINGS} strings`);
    this.#strings.push(reader.string());
  }

  #readShaped(reader: WireReader, wireType: number): void {
    const body = this.#expect(wireType, WireType.BYTES, reader).delimited();
    const inner = new WireReader(body);
    while (!inner.done) {
      const tag = inner.tag();
      if (tag >>> 3 === 1) this.#readShape(inner, tag & 7);
      else if (tag >>> 3 !== 2) inner.skip(tag & 7);
      else if (this.#field.scalar === "string") this.#readString(inner, tag & 7);
      else this.#readElements(inner, tag & 7);
    }
  }

  #readShape(reader: WireReader, wireType: number): void {
    const dimensions = wireType === WireType.BYTES ? new WireReader(reader.delimited()) : undefined;
    do {
      if (dimensions?.done) return;
      if (this.#shape.length >= MAX_RANK) throw this.#fault(`more than ${MAX_RANK} dimensions`);
      this.#shape.push(Number((dimensions ?? this.#expect(wireType, WireType.VARINT, reader)).int64()));
    } while (dimensions && !dimensions.done);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#packed = new PackedCollector();
    this.#packed.add(bytes);
  }

  #statedShape(count: number): number[] {
    const { shape } = this.#field;
    const stated = elementCount(this.#shape);
    if (!shapeFits(shape, this.#shape) || stated === undefined) {
      const why = stated === undefined ? ` (dimensions are 0 to ${MAX_ELEMENTS}, and so is their product)` : "";
      throw this.#fault(`expected shape ${formatShape(shape)}, got ${formatShape(this.#shape)}${why}`);
    }
    if (stated !== count) throw this.#fault(`shape ${formatShape(this.#shape)} means ${stated} values, got ${count}`);
    return this.#shape;
  }

  /** The one free dimension follows from the number of values. */
  #inferShape(count: number): number[] {
    const shape = messageShape(this.#field);
    const fixed = shape.reduce((product, dimension) => (dimension === -1 ? product : product * dimension), 1);
    const free = shape.includes(-1);
    const fits = free ? count > 0 && count % fixed === 0 : count === fixed;
    if (!fits) {
      const { tensor } = this.#field;
      const got = count === 0 ? "none" : String(count);
      throw this.#fault(
        `expected ${free ? `${fixed}·n` : fixed} values for tensor ${tensor}${formatShape(shape)}, got ${got}`,
      );
    }
    return free ? shape.map((dimension) => (dimension === -1 ? count / fixed : dimension)) : shape;
  }

  #expect(wireType: number, expected: number, reader: WireReader): WireReader {
    if (wireType !== expected)
      throw this.#fault(`expected wire type ${expected} (${this.#field.scalar}), got ${wireType}`);
    return reader;
  }

  #fault(message: string): Fault {
    return invalid(`field "${this.#field.field}": ${message}`);
  }
}

/** The shape of what a message holds: the tensor's, less the values that a stream's overlap puts before it. */
export function messageShape(field: TensorField): number[] {
  const shape = [...field.shape];
  if (field.overlap > 0) shape[shape.length - 1]! -= field.overlap;
  return shape;
}

/** Calls `fault` with the index of the first NaN or infinity and throws what it gives. */
export function checkFinite(datatype: Datatype, data: TensorData, fault: (index: number) => Fault): void {
  if (datatype === "FP16") {
    const at = (data as Uint16Array).findIndex((bits) => (bits & FP16_EXPONENT) === FP16_EXPONENT);
    if (at >= 0) throw fault(at);
  }
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  const index = data.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) throw fault(index);
}

function zeroElement(wireType: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(wireType === WireType.FIXED32 ? 4 : wireType === WireType.FIXED64 ? 8 : 1);
}
