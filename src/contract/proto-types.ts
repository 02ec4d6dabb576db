import type { Datatype } from "./datatype.js";
import type { IntegerStyle } from "./proto-draft.js";
import type { OptionValue } from "./proto-source.js";

/** The type of a field, and the datatype that its binding has to say where the type leaves it open. */
export interface FieldType {
  readonly type: string;
  readonly datatype: OptionValue | undefined;
}

/** Types of 32 and 64-bit integers by style. */
const INTEGERS: Partial<Record<Datatype, Record<IntegerStyle, string>>> = {
  INT32: { varint: "int32", fixed: "sfixed32" },
  INT64: { varint: "int64", fixed: "sfixed64" },
  UINT32: { varint: "uint32", fixed: "fixed32" },
  UINT64: { varint: "uint64", fixed: "fixed64" },
};
const OTHERS: Partial<Record<Datatype, string>> = { FP32: "float", FP64: "double", BOOL: "bool", BYTES: "string" };
/** Integers for which protobuf has no type of their own size. */
const NARROW: Partial<Record<Datatype, string>> = { INT8: "int32", INT16: "int32", UINT8: "uint32", UINT16: "uint32" };

const SHAPED: Record<Datatype, string> = {
  BOOL: "BoolTensor",
  UINT8: "RawTensor",
  UINT16: "Uint32Tensor",
  UINT32: "Uint32Tensor",
  UINT64: "Uint64Tensor",
  INT8: "RawTensor",
  INT16: "Int32Tensor",
  INT32: "Int32Tensor",
  INT64: "Int64Tensor",
  FP16: "RawTensor",
  FP32: "FloatTensor",
  FP64: "DoubleTensor",
  BYTES: "StringTensor",
};

/** The type of a field that holds one value; undefined for FP16, which only bytes can hold. */
export function valueType(datatype: Datatype, integers: IntegerStyle): FieldType | undefined {
  const plain = OTHERS[datatype] ?? INTEGERS[datatype]?.[integers];
  if (plain !== undefined) return { type: plain, datatype: undefined };
  const narrow = NARROW[datatype];
  return narrow === undefined ? undefined : { type: narrow, datatype: datatypeValue(datatype) };
}

/** The type of a field that holds many values: `bytes` where it is one lump, `repeated` otherwise. */
export function listType(datatype: Datatype, integers: IntegerStyle): FieldType {
  const small = datatype === "UINT8" || datatype === "INT8";
  const half = datatype === "INT16" || datatype === "UINT16";
  const value = small || (half && integers === "fixed") ? undefined : valueType(datatype, integers);
  return value ?? { type: "bytes", datatype: datatypeValue(datatype) };
}

/** The type of a message that says its own shape, without its package. */
export function shapedType(datatype: Datatype): FieldType {
  const type = SHAPED[datatype];
  const open = type === "RawTensor" || NARROW[datatype] !== undefined;
  return { type, datatype: open ? datatypeValue(datatype) : undefined };
}

/** A value of `flotilla.v1.Datatype`. */
export function datatypeValue(datatype: Datatype): OptionValue {
  return { identifier: `DATATYPE_${datatype}` };
}

/** Whether a field's type is one that `IntegerStyle` chooses. */
export function isIntegerType(type: string): boolean {
  return Object.values(INTEGERS).some(({ varint, fixed }) => type === varint || type === fixed);
}
