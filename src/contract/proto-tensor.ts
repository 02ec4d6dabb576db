import { type Datatype, elementSize } from "./datatype.js";
import { type ContractDraft, optionsPackage } from "./proto-draft.js";
import type { NameScope } from "./proto-names.js";
import type { ProtoField } from "./proto-source.js";
import { type FieldType, listType, shapedType, valueType } from "./proto-types.js";
import type { TensorSpec } from "./signature.js";
import { formatShape } from "./tensor.js";

/** A field that is a whole tensor, and what it needs beside it. */
export interface TensorPart {
  readonly field: ProtoField;
  /** Its type is a message of `flotilla/v1/tensor.proto`. */
  readonly shaped: boolean;
}

/** Letters for free dimensions that have no name of their own. */
const LETTERS = ["n", "m", "k", "l", "p", "q"];

/**
 * The field for a tensor: plain where its shape is all ones, `repeated` or `bytes` where at most one dimension is free,
 * a shaped message where more are.
 */
export function tensorField(
  draft: ContractDraft,
  spec: TensorSpec,
  place: { readonly scope: NameScope; readonly kind: "input" | "output"; readonly position: number },
): TensorPart {
  const integers = draft.integers ?? "varint";
  const form = formOf(spec.shape);
  const one = form === "one" ? valueType(spec.datatype, integers) : undefined;
  const type = one ?? (form === "shaped" ? shapedType(spec.datatype) : listType(spec.datatype, integers));
  const repeated = one === undefined && form !== "shaped" && type.type !== "bytes";
  const options = optionsPackage(draft);
  const field: ProtoField = {
    comment: describe(spec, form, type, axisNames(spec, draft)),
    repeated,
    type: form === "shaped" ? `${options}.${type.type}` : type.type,
    name: place.scope.field(spec.name, place.kind, place.position),
    option: {
      name: `${options}.tensor`,
      values: { name: spec.name, shape: spec.shape.length > 0 ? spec.shape : undefined, datatype: type.datatype },
    },
  };
  return { field, shaped: form === "shaped" };
}

type Form = "one" | "list" | "shaped";

function formOf(shape: readonly number[]): Form {
  if (shape.every((dimension) => dimension === 1)) return "one";
  return shape.filter((dimension) => dimension === -1).length > 1 ? "shaped" : "list";
}

/** A name or number for each dimension: the model's own names where a person gave them. */
function axisNames(spec: TensorSpec, draft: ContractDraft): string[] {
  const given = draft.model.dimensions.get(spec.name) ?? [];
  const letters = LETTERS.filter((letter) => !given.includes(letter));
  return spec.shape.map((dimension, axis) => {
    if (dimension !== -1) return String(dimension);
    const name = given[axis];
    return name !== undefined && isSpoken(name) ? name : (letters.shift() ?? "any");
  });
}

/** Whether a dimension's name tells people something: exporters make up names such as `unk__12`. */
function isSpoken(name: string): boolean {
  return /^[A-Za-z][A-Za-z_]{0,30}$/.test(name) && !/^unk|_dim_|dynamic/i.test(name);
}

function describe(spec: TensorSpec, form: Form, type: FieldType, axes: readonly string[]): string {
  if (form === "shaped") {
    const raw = type.type === "RawTensor";
    const kind = raw ? `${spec.datatype} tensor` : "tensor";
    const article = /^(FP|I)/.test(kind) ? "An" : "A";
    return `${article} ${kind} that says its own shape, ${formatShape(axes)}.${raw ? "" : rangeOf(spec)}`;
  }
  const range = type.type === "bytes" ? "" : rangeOf(spec);
  if (form === "one") return `${oneOf(spec, type)}.${range}`;
  const noun = nounOf(spec, type);
  const count = spec.shape.reduce((product, dimension) => (dimension === -1 ? product : product * dimension), 1);
  const free = axes[spec.shape.indexOf(-1)];
  if (spec.shape.length === 1)
    return `${free === undefined ? count : "Any number of"} ${noun.replace(/,$/, "")}.${range}`;
  const shape = `of shape ${formatShape(axes)}`;
  if (free === undefined) return `${count} ${noun} ${shape}, in row-major order.${range}`;
  const each = count === 1 ? "" : `, ${count} for each`;
  const many = `${noun[0]!.toUpperCase()}${noun.slice(1)}`;
  return `${many} ${shape}, in row-major order; ${free} follows from how many there are${each}.${range}`;
}

function oneOf({ datatype }: TensorSpec, { type }: FieldType): string {
  if (datatype === "BYTES") return "One text";
  return type === "bytes" ? `One ${datatype} value, ${sizeOf(datatype).replace(" each", "")}` : "One value";
}

function nounOf({ datatype }: TensorSpec, { type }: FieldType): string {
  if (datatype === "BYTES") return "texts";
  return type === "bytes" ? `${datatype} values, ${sizeOf(datatype)},` : "values";
}

function sizeOf(datatype: Datatype): string {
  const size = datatype === "BYTES" ? 0 : elementSize(datatype);
  return size === 1 ? "one byte each" : `${size} bytes each, little-endian`;
}

/** What a field's type allows and the model doesn't. */
function rangeOf({ datatype }: TensorSpec): string {
  const bits = { INT8: 8, INT16: 16, UINT8: 8, UINT16: 16 }[datatype as "INT8"];
  if (bits === undefined) return "";
  const signed = datatype.startsWith("I");
  return signed ? ` From ${-(2 ** (bits - 1))} to ${2 ** (bits - 1) - 1}.` : ` From 0 to ${2 ** bits - 1}.`;
}
