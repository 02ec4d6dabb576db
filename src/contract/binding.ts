import type { Datatype } from "./datatype.js";

/** The type of a protobuf field that holds numbers, text or bytes. */
export type ScalarKind =
  | "double"
  | "float"
  | "int32"
  | "int64"
  | "uint32"
  | "uint64"
  | "sint32"
  | "sint64"
  | "fixed32"
  | "fixed64"
  | "sfixed32"
  | "sfixed64"
  | "bool"
  | "string"
  | "bytes";

/** A field that is a whole tensor. */
export interface TensorField {
  readonly field: string;
  readonly number: number;
  /** The model's input or output. */
  readonly tensor: string;
  readonly datatype: Datatype;
  /** Dimensions of the model's tensor; -1 is free. With `overlap`, the last one counts the overlapping values. */
  readonly shape: readonly number[];
  readonly finite: boolean;
  /** Trailing values of a stream's previous message put before this one's. */
  readonly overlap: number;
  /** Type of one element on the wire; of a shaped message, of its `values`. */
  readonly scalar: ScalarKind;
  /**
   * How it lies in the message: one value (`scalar`), a `repeated` field, a `bytes` field with the elements inside, or
   * a message with `shape` and `values`.
   */
  readonly form: "scalar" | "repeated" | "bytes" | "shaped";
  /** A `scalar` that says whether it is there. */
  readonly optional: boolean;
}

/** A field of a record that is one column, or the whole row, of a tensor. */
export interface ColumnField {
  readonly field: string;
  readonly number: number;
  readonly tensor: string;
  readonly datatype: Datatype;
  /** Column from 0, or undefined: the whole row (`repeated`), or the only column of a tensor with one dimension. */
  readonly index: number | undefined;
  /** Columns of the tensor as the binding says, or 0. */
  readonly width: number;
  readonly finite: boolean;
  readonly scalar: ScalarKind;
  readonly repeated: boolean;
  /** Absent is NaN, or refused where `finite` or where the datatype has no NaN. */
  readonly optional: boolean;
}

/** A field of a record that is the class of its row. */
export interface LabelField {
  readonly field: string;
  readonly number: number;
  readonly tensor: string;
  readonly datatype: Datatype;
  /** The class is the position of the row's largest value. */
  readonly argmax: boolean;
  /** For an enum field: its number by class id or class name. For a string field: undefined. */
  readonly values: ReadonlyMap<number | string, number> | undefined;
  /** For a string field: the name of each class id. */
  readonly names: readonly string[];
}

/** A message whose fields are columns: one example, one row. */
export interface RecordBinding {
  /** Field of the request or response that holds the records. */
  readonly field: string;
  readonly number: number;
  /** Without `repeated` there is exactly one row. */
  readonly repeated: boolean;
  readonly columns: readonly ColumnField[];
  readonly labels: readonly LabelField[];
}

/** How a request or response message binds to tensors. */
export interface MessageBinding {
  readonly tensors: readonly TensorField[];
  readonly records: readonly RecordBinding[];
}

/** A tensor that a stream carries on inside the server. */
export interface StateBinding {
  readonly input: string;
  readonly output: string;
  readonly shape: readonly number[];
  readonly datatype: Datatype;
}

/** Fields grouped by the tensor they bind to. */
export function groupByTensor<Field extends { readonly tensor: string }>(
  fields: readonly Field[],
): Map<string, Field[]> {
  const groups = new Map<string, Field[]>();
  for (const field of fields) {
    const group = groups.get(field.tensor);
    if (group) group.push(field);
    else groups.set(field.tensor, [field]);
  }
  return groups;
}
