import { type ColumnField, groupByTensor, type RecordBinding, type ScalarKind } from "./binding.js";
import { createData, type FixedDatatype, type NumericData, type TensorData } from "./datatype.js";
import { type Fault, invalid } from "./fault.js";
import { PackedCollector, unpack, wireTypeOf } from "./packed.js";
import type { TensorSpec } from "./signature.js";
import type { Tensor } from "./tensor.js";
import { checkFinite, type FieldDecoder } from "./tensor-decoder.js";
import { WireReader, WireType } from "./wire.js";

/** Most records in one message: an empty one is two bytes on the wire, but a whole row of every tensor. */
export const MAX_RECORDS = 1 << 16;
/** Most values that the records of one message fill in all tensors together. */
const MAX_VALUES = 1 << 24;

/** Where one tensor's values go. */
interface Target {
  readonly spec: TensorSpec;
  /** Columns; 1 for a tensor of shape [rows]. */
  readonly width: number;
}

interface Column {
  readonly field: ColumnField;
  readonly target: number;
  readonly wireType: number;
}

/** What a record's binding means, worked out once at load. */
export class RecordPlan {
  readonly binding: RecordBinding;
  readonly targets: readonly Target[];
  readonly columns: ReadonlyMap<number, Column>;
  /** Columns that can be absent. */
  readonly optional: readonly Column[];

  /** @param inputs the contract's input tensors, whose widths the columns share */
  constructor(binding: RecordBinding, inputs: readonly TensorSpec[]) {
    this.binding = binding;
    const names = [...groupByTensor(binding.columns).keys()];
    this.targets = names.map((name) => {
      const spec = inputs.find((input) => input.name === name)!;
      return { spec, width: spec.shape[1] ?? 1 };
    });
    const columns = binding.columns.map((field) => ({
      field,
      target: names.indexOf(field.tensor),
      wireType: wireTypeOf(field.scalar),
    }));
    this.columns = new Map(columns.map((column) => [column.field.number, column]));
    this.optional = columns.filter((column) => column.field.optional);
  }
}

/** Reads a field that holds records: one row each. */
export class RecordDecoder implements FieldDecoder {
  readonly #plan: RecordPlan;
  /** Start and end of each record on the wire. */
  readonly #ranges: number[] = [];
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #data: TensorData[] = [];

  constructor(plan: RecordPlan) {
    this.#plan = plan;
  }

  read(reader: WireReader, wireType: number): void {
    const { field } = this.#plan.binding;
    if (wireType !== WireType.BYTES) throw invalid(`field "${field}": expected a message, got wire type ${wireType}`);
    if (this.#ranges.length >= MAX_RECORDS * 2) {
      throw invalid(`field "${field}": more than ${MAX_RECORDS} records in one call; send them in several calls`);
    }
    const length = reader.length();
    this.#bytes = reader.bytes;
    this.#ranges.push(reader.position, reader.position + length);
    reader.position += length;
  }

  finish(): Tensor[] {
    const rows = this.#ranges.length / 2;
    const { field, repeated } = this.#plan.binding;
    if (rows === 0)
      throw invalid(`field "${field}": expected ${repeated ? "at least one record" : "a record"}, got none`);
    if (rows > 1 && !repeated) throw invalid(`field "${field}": expected one record, got ${rows}`);
    const values = this.#plan.targets.reduce((sum, { width }) => sum + rows * width, 0);
    if (values > MAX_VALUES) {
      throw invalid(
        `field "${field}": ${rows} records are ${values} values, over ${MAX_VALUES}; send them in several calls`,
      );
    }
    this.#data = this.#plan.targets.map(({ spec, width }) => createData(spec.datatype, rows * width));
    for (let row = 0; row < rows; row++) this.#readRow(row);
    this.#checkFinite();
    return this.#plan.targets.map(({ spec, width }, index) => ({
      name: spec.name,
      datatype: spec.datatype,
      shape: spec.shape.length === 1 ? [rows] : [rows, width],
      data: this.#data[index]!,
    }));
  }

  #readRow(row: number): void {
    const { columns, optional } = this.#plan;
    const reader = new WireReader(this.#bytes, this.#ranges[row * 2], this.#ranges[row * 2 + 1]);
    const seen = optional.length > 0 ? new Set<Column>() : undefined;
    let wholeRows: Map<Column, PackedCollector> | undefined;
    while (!reader.done) {
      const tag = reader.tag();
      const column = columns.get(tag >>> 3);
      if (column === undefined) reader.skip(tag & 7);
      else if (column.field.repeated) {
        wholeRows ??= new Map();
        this.#collect(column, wholeRows, reader, tag & 7, row);
      } else {
        if ((tag & 7) !== column.wireType)
          throw this.#fault(row, column, `expected ${column.field.scalar}, got wire type ${tag & 7}`);
        this.#store(row, column, reader);
        seen?.add(column);
      }
    }
    for (const column of columns.values()) {
      if (column.field.repeated) this.#storeRow(row, column, wholeRows?.get(column));
    }
    for (const column of optional) if (!seen!.has(column)) this.#storeAbsent(row, column);
  }

  #store(row: number, column: Column, reader: WireReader): void {
    const { scalar, datatype, index } = column.field;
    const data = this.#data[column.target]!;
    const at = row * this.#plan.targets[column.target]!.width + (index ?? 0);
    if (Array.isArray(data)) data[at] = reader.string();
    else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      data[at] = this.#toBigInt(row, column, readScalar(reader, scalar));
    } else {
      const value = Number(readScalar(reader, scalar));
      data[at] = value;
      if (datatype !== "FP32" && datatype !== "FP64" && data[at] !== value) {
        throw this.#fault(row, column, `${value} is not a value of ${datatype}`);
      }
    }
  }

  #toBigInt(row: number, column: Column, value: number | bigint): bigint {
    const { datatype } = column.field;
    if (typeof value === "number" && !Number.isInteger(value))
      throw this.#fault(row, column, `${value} is not a value of ${datatype}`);
    const wide = BigInt(value);
    const stored = datatype === "INT64" ? BigInt.asIntN(64, wide) : BigInt.asUintN(64, wide);
    if (stored !== wide) throw this.#fault(row, column, `${value} is not a value of ${datatype}`);
    return wide;
  }

  #collect(
    column: Column,
    wholeRows: Map<Column, PackedCollector>,
    reader: WireReader,
    wireType: number,
    row: number,
  ): void {
    const collector = wholeRows.get(column) ?? new PackedCollector();
    wholeRows.set(column, collector);
    if (wireType === WireType.BYTES) collector.add(reader.delimited());
    else if (wireType === column.wireType) collector.add(reader.element(wireType));
    else throw this.#fault(row, column, `expected ${column.field.scalar}, got wire type ${wireType}`);
  }

  #storeRow(row: number, column: Column, collector: PackedCollector | undefined): void {
    const { width } = this.#plan.targets[column.target]!;
    const { scalar, datatype } = column.field;
    let values: NumericData;
    try {
      values = unpack(scalar, datatype as FixedDatatype, collector?.bytes ?? new Uint8Array(0));
    } catch (error) {
      throw this.#fault(row, column, (error as Error).message);
    }
    if (values.length !== width) throw this.#fault(row, column, `expected ${width} values, got ${values.length}`);
    (this.#data[column.target] as Float32Array).set(values as Float32Array, row * width);
  }

  #storeAbsent(row: number, column: Column): void {
    const data = this.#data[column.target]!;
    if (column.field.finite || !(data instanceof Float32Array || data instanceof Float64Array)) {
      throw this.#fault(row, column, "is missing; the model has no value for an absent field");
    }
    data[row * this.#plan.targets[column.target]!.width + (column.field.index ?? 0)] = Number.NaN;
  }

  #checkFinite(): void {
    for (const column of this.#plan.columns.values()) {
      if (!column.field.finite) continue;
      const { width } = this.#plan.targets[column.target]!;
      const data = this.#data[column.target]!;
      if (column.field.repeated) {
        checkFinite(column.field.datatype, data, (at) =>
          this.#fault(Math.floor(at / width), column, `value ${at % width} is ${data[at]}, expected a finite number`),
        );
        continue;
      }
      for (let at = column.field.index ?? 0; at < data.length; at += width) {
        if (!Number.isFinite(Number(data[at])))
          throw this.#fault(Math.floor(at / width), column, `expected a finite number, got ${data[at]}`);
      }
    }
  }

  #fault(row: number, column: Column, message: string): Fault {
    const { field, repeated } = this.#plan.binding;
    return invalid(`field "${field}${repeated ? `[${row}]` : ""}.${column.field.field}": ${message}`);
  }
}

function readScalar(reader: WireReader, scalar: ScalarKind): number | bigint {
  switch (scalar) {
    case "float":
      return reader.float();
    case "double":
      return reader.double();
    case "int32":
      return reader.varint64Low() | 0;
    case "uint32":
      return reader.varint64Low();
    case "sint32": {
      const value = reader.varint64Low();
      return (value >>> 1) ^ -(value & 1);
    }
    case "bool":
      return reader.varint64Low() !== 0 || reader.high !== 0 ? 1 : 0;
    case "fixed32":
      return reader.fixed32();
    case "sfixed32":
      return reader.sfixed32();
    case "int64":
      return reader.int64();
    case "uint64":
      return reader.uint64();
    case "sint64": {
      const value = reader.uint64();
      return (value >> 1n) ^ -(value & 1n);
    }
    case "fixed64":
      return reader.fixed64();
    case "sfixed64":
      return reader.sfixed64();
    default:
      throw new Error(`a ${scalar} column holds no number`);
  }
}
