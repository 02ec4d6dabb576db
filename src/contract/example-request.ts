import type { ColumnField, MessageBinding, ScalarKind, TensorField } from "./binding.js";
import { messageShape } from "./tensor-decoder.js";

/** Values that an example writes out by default; a longer one is of no help to a reader. */
const MAX_VALUES = 64;

type Json = string | number | boolean | Json[] | { [field: string]: Json };

/**
 * A request of zeros and empty texts in JSON, with one row and as few values as the contract allows; undefined where it
 * would be longer than `maxValues`, or where values are bytes.
 */
export function exampleRequest(request: MessageBinding, maxValues = MAX_VALUES): Json | undefined {
  const example: { [field: string]: Json } = {};
  for (const field of request.tensors) {
    const value = tensorValue(field, maxValues);
    if (value === undefined) return undefined;
    example[toJsonName(field.field)] = value;
  }
  for (const { field, repeated, columns } of request.records) {
    if (columns.reduce((sum, column) => sum + (column.repeated ? column.width : 1), 0) > maxValues) return undefined;
    const record = Object.fromEntries(columns.map((column) => [toJsonName(column.field), columnValue(column)]));
    example[toJsonName(field)] = repeated ? [record] : record;
  }
  return example;
}

function tensorValue(field: TensorField, maxValues: number): Json | undefined {
  if (field.form === "bytes" || field.scalar === "bytes") return undefined;
  if (field.form === "scalar") return zero(field.scalar);
  const shape = messageShape(field).map((dimension) => (dimension === -1 ? 1 : dimension));
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  if (count > maxValues) return undefined;
  const values = new Array<Json>(count).fill(zero(field.scalar));
  return field.form === "shaped" ? { shape, values } : values;
}

function columnValue(column: ColumnField): Json {
  const value = zero(column.scalar);
  return column.repeated ? new Array<Json>(column.width).fill(value) : value;
}

function zero(scalar: ScalarKind): Json {
  if (scalar === "bool") return false;
  return scalar === "string" ? "" : 0;
}

/** A field's name in protobuf's JSON: `sepal_length` as `sepalLength`. */
function toJsonName(field: string): string {
  return field.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}
