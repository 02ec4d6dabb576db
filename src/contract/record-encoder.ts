import type { ColumnField, LabelField, RecordBinding, ScalarKind } from "./binding.js";
import type { NumericData, TensorData } from "./datatype.js";
import { Fault } from "./fault.js";
import { pack, packedSize, wireTypeOf } from "./packed.js";
import { findOutput, type Part } from "./response-part.js";
import type { Tensor } from "./tensor.js";
import { delimitedSize, tagSize, varint64Size, WireType, type WireWriter } from "./wire.js";

/** One field of each record: how large it is in a row, and how it is written. */
interface Cell {
  size(row: number): number;
  write(writer: WireWriter, row: number): void;
}

/** Writes a response's records, one for each row of the outputs. */
export class RecordEncoder {
  readonly #binding: RecordBinding;

  constructor(binding: RecordBinding) {
    this.#binding = binding;
  }

  /** @throws Fault RUN_FAILED where outputs have different numbers of rows, or are not what the contract says */
  part(outputs: readonly Tensor[]): Part {
    const { number, columns, labels, repeated, field } = this.#binding;
    const tensors = [...columns, ...labels].map(({ tensor, datatype }) =>
      checkDatatype(findOutput(outputs, tensor), datatype),
    );
    const rows = tensors[0]!.shape[0] ?? 0;
    if (tensors.some((tensor) => tensor.shape[0] !== rows))
      throw new Fault("RUN_FAILED", `the outputs of "${field}" differ in their rows`);
    if (!repeated && rows !== 1) throw new Fault("RUN_FAILED", `"${field}" is one record, the model gave ${rows} rows`);
    const cells = [
      ...columns.map((column, index) => columnCell(column, tensors[index]!)),
      ...labels.map((label, index) => labelCell(label, tensors[columns.length + index]!)),
    ];
    const sizes = Array.from({ length: rows }, (_, row) => cells.reduce((total, cell) => total + cell.size(row), 0));
    return {
      byteLength: sizes.reduce((total, size) => total + delimitedSize(number, size), 0),
      write: (writer) => {
        for (let row = 0; row < rows; row++) {
          writer.tag(number, WireType.BYTES);
          writer.varint(sizes[row]!);
          for (const cell of cells) cell.write(writer, row);
        }
      },
    };
  }
}

function checkDatatype(tensor: Tensor, datatype: string): Tensor {
  if (tensor.datatype === datatype && (tensor.shape.length === 1 || tensor.shape.length === 2)) return tensor;
  const got = `${tensor.datatype}[${tensor.shape.join(", ")}]`;
  throw new Fault("RUN_FAILED", `output "${tensor.name}": contract ${datatype}[rows, columns], model gave ${got}`);
}

function columnCell(column: ColumnField, tensor: Tensor): Cell {
  const width = tensor.shape[1] ?? 1;
  if (column.repeated) return rowCell(column, tensor.data as NumericData, width);
  const index = column.index ?? 0;
  if (index >= width)
    throw new Fault("RUN_FAILED", `output "${tensor.name}" has ${width} columns, the contract binds column ${index}`);
  const at = (row: number) => row * width + index;
  if (column.scalar === "string") return textCell(column.number, (row) => (tensor.data as string[])[at(row)]!);
  return numberCell(column, tensor.data, at);
}

/** A whole row, packed. */
function rowCell(column: ColumnField, data: NumericData, width: number): Cell {
  const values = (row: number) => data.subarray(row * width, (row + 1) * width) as NumericData;
  return {
    size: (row) => delimitedSize(column.number, packedSize(column.scalar, values(row))),
    write: (writer, row) => {
      writer.tag(column.number, WireType.BYTES);
      writer.varint(packedSize(column.scalar, values(row)));
      pack(writer, column.scalar, values(row));
    },
  };
}

function textCell(number: number, text: (row: number) => string): Cell {
  return {
    size: (row) => delimitedSize(number, Buffer.byteLength(text(row))),
    write: (writer, row) => {
      writer.tag(number, WireType.BYTES);
      writer.string(text(row));
    },
  };
}

function numberCell(column: ColumnField, data: TensorData, at: (row: number) => number): Cell {
  const { number, scalar } = column;
  const wireType = wireTypeOf(scalar);
  const head = tagSize(number);
  const value = (row: number) => data[at(row)] as number | bigint;
  const size =
    wireType === WireType.FIXED32
      ? () => head + 4
      : wireType === WireType.FIXED64
        ? () => head + 8
        : (row: number) => head + varint64Size(toVarint(scalar, value(row)));
  return {
    size,
    write: (writer, row) => {
      writer.tag(number, wireType);
      writeNumber(writer, scalar, value(row));
    },
  };
}

function writeNumber(writer: WireWriter, scalar: ScalarKind, value: number | bigint): void {
  switch (scalar) {
    case "float":
      writer.float(Number(value));
      return;
    case "double":
      writer.double(Number(value));
      return;
    case "fixed32":
    case "sfixed32":
      writer.position = writer.buffer.writeUInt32LE(Number(value) >>> 0, writer.position);
      return;
    case "fixed64":
    case "sfixed64":
      writer.position = writer.buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), writer.position);
      return;
    default:
      writer.varint64(toVarint(scalar, value));
  }
}

function toVarint(scalar: ScalarKind, value: number | bigint): bigint {
  const wide = typeof value === "bigint" ? value : BigInt(Math.trunc(value));
  return scalar === "sint32" || scalar === "sint64" ? BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n)) : wide;
}

function labelCell(label: LabelField, tensor: Tensor): Cell {
  const classOf = label.argmax ? argmaxOf(tensor) : (row: number) => tensor.data[row]!;
  const key = (row: number) => {
    const found = classOf(row);
    return typeof found === "string" ? found : Number(found);
  };
  if (!label.values)
    return textCell(label.number, (row) =>
      typeof key(row) === "string" ? String(key(row)) : (label.names[key(row) as number] ?? String(key(row))),
    );
  // A class that the contract does not name is 0, the enum's UNSPECIFIED.
  const value = (row: number) => label.values!.get(key(row)) ?? 0;
  return {
    size: (row) => tagSize(label.number) + varint64Size(BigInt(value(row))),
    write: (writer, row) => {
      writer.tag(label.number, WireType.VARINT);
      writer.varint64(BigInt(value(row)));
    },
  };
}

function argmaxOf(tensor: Tensor): (row: number) => number {
  const width = tensor.shape[1] ?? 1;
  const data = tensor.data as NumericData;
  return (row) => {
    let best = 0;
    for (let index = 1; index < width; index++)
      if (data[row * width + index]! > data[row * width + best]!) best = index;
    return best;
  };
}
