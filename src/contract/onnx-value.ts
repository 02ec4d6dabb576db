import { fromOnnxDatatype } from "./datatype.js";
import { OnnxError } from "./onnx-error.js";
import { field, readMessage, varintField } from "./onnx-wire.js";
import type { TensorSpec } from "./signature.js";
import { elementCount, formatShape, MAX_ELEMENTS } from "./tensor.js";
import type { WireReader } from "./wire.js";

/** A dimension as the file states it: a number, a name, or undefined where it is free and has no name. */
export type OnnxDimension = number | string | undefined;

/** The type of an input or output, as the file states it. */
type OnnxType =
  | {
      readonly kind: "tensor" | "sparse";
      readonly element: number;
      readonly dimensions: readonly OnnxDimension[] | undefined;
    }
  | { readonly kind: "sequence" | "optional"; readonly of: OnnxType }
  | { readonly kind: "map"; readonly key: number; readonly value: OnnxType }
  | { readonly kind: "opaque" | "missing" };

/** An input or output of a graph (`onnx.ValueInfoProto`). */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
}

/** Types within types (a sequence of maps of tensors) that are read; a file with more is not made in good faith. */
const MAX_TYPE_DEPTH = 8;
const MAX_RANK = 64;

/** Names of ONNX's element types by number. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
const ELEMENT_NAMES: readonly string[] = (
  "undefined float uint8 int8 uint16 int16 int32 int64 string bool float16 double uint32 uint64 complex64 complex128 " +
  "bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1 float8e8m0 uint2 int2"
).split(" ");

/** Reads an `onnx.ValueInfoProto`. */
export function readValue(reader: WireReader): OnnxValue {
  let name = "";
  let type: OnnxType = { kind: "missing" };
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field(1)) name = reader.string();
    else if (tag === field(2)) type = readType(readMessage(reader), 0);
    else reader.skip(tag & 7);
  }
  return { name, type };
}

/** Reads an `onnx.TypeProto`. */
function readType(reader: WireReader, depth: number): OnnxType {
  if (depth > MAX_TYPE_DEPTH) throw new OnnxError(`a type is nested more than ${MAX_TYPE_DEPTH} levels deep`);
  let type: OnnxType = { kind: "missing" };
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field(1)) type = { kind: "tensor", ...readTensorType(readMessage(reader)) };
    else if (tag === field(8)) type = { kind: "sparse", ...readTensorType(readMessage(reader)) };
    else if (tag === field(4)) type = { kind: "sequence", of: readContainer(readMessage(reader), depth).value };
    else if (tag === field(9)) type = { kind: "optional", of: readContainer(readMessage(reader), depth).value };
    else if (tag === field(5)) type = { kind: "map", ...readContainer(readMessage(reader), depth, 2) };
    else if (tag === field(7)) {
      type = { kind: "opaque" };
      reader.skip(tag & 7);
    } else reader.skip(tag & 7);
  }
  return type;
}

/** Reads a sequence, optional or map type, whose value's type is field `valueField`; a map's key is field 1. */
function readContainer(reader: WireReader, depth: number, valueField = 1): { key: number; value: OnnxType } {
  let key = 0;
  let value: OnnxType = { kind: "missing" };
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field(valueField)) value = readType(readMessage(reader), depth + 1);
    else if (tag === varintField(1)) key = Number(reader.int64());
    else reader.skip(tag & 7);
  }
  return { key, value };
}

function readTensorType(reader: WireReader): { element: number; dimensions: OnnxDimension[] | undefined } {
  let element = 0;
  let dimensions: OnnxDimension[] | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === varintField(1)) element = Number(reader.int64());
    else if (tag === field(2)) dimensions = [...(dimensions ?? []), ...readShape(readMessage(reader))];
    else reader.skip(tag & 7);
  }
  return { element, dimensions };
}

function readShape(reader: WireReader): OnnxDimension[] {
  const dimensions: OnnxDimension[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field(1)) dimensions.push(readDimension(readMessage(reader)));
    else reader.skip(tag & 7);
    if (dimensions.length > MAX_RANK) throw new OnnxError(`a tensor has more than ${MAX_RANK} dimensions`);
  }
  return dimensions;
}

function readDimension(reader: WireReader): OnnxDimension {
  let dimension: OnnxDimension;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === varintField(1)) dimension = Number(reader.int64());
    else if (tag === field(2)) dimension = reader.string() || undefined;
    else reader.skip(tag & 7);
  }
  // Old exporters wrote -1 for a free dimension, and ONNX Runtime reads any negative number so.
  return typeof dimension === "number" && dimension < 0 ? undefined : dimension;
}

/** The names of a tensor's free dimensions by axis; undefined where one is fixed or has no name. */
export function dimensionNames({ type }: OnnxValue): (string | undefined)[] {
  if (!("dimensions" in type)) return [];
  return (type.dimensions ?? []).map((dimension) => (typeof dimension === "string" ? dimension : undefined));
}

/** Whether a tensor's type leaves out even the number of its dimensions. */
export function isUnranked({ type }: OnnxValue): boolean {
  return type.kind === "tensor" && type.dimensions === undefined;
}

/**
 * An input's or output's spec; a tensor with no shape gets that of a scalar.
 * @throws OnnxError where no contract can carry it
 */
export function toTensorSpec(kind: "input" | "output", value: OnnxValue): TensorSpec {
  const { name, type } = value;
  const where = `${kind} ${JSON.stringify(name)}`;
  if (name === "") throw new OnnxError(`an ${kind} has no name`);
  if (type.kind !== "tensor") throw new OnnxError(`${where} is ${describe(type)}; ${remedy(type)}`);
  const datatype = fromOnnxDatatype(type.element);
  if (datatype === undefined) {
    throw new OnnxError(
      `${where} is of type ${elementName(type.element)}, which ONNX Runtime for Node does not take; ` +
        "cast it in the model, to float or float16 say, and keep the type inside",
    );
  }
  const shape = (type.dimensions ?? []).map((dimension) => (typeof dimension === "number" ? dimension : -1));
  checkShape(where, shape);
  return { name, datatype, shape };
}

function checkShape(where: string, shape: readonly number[]): void {
  if (shape.includes(0)) {
    throw new OnnxError(
      `${where} has shape ${formatShape(shape)} and so never a value; export it with a free dimension`,
    );
  }
  if (elementCount(shape.filter((dimension) => dimension !== -1)) === undefined) {
    throw new OnnxError(
      `${where} has shape ${formatShape(shape)}, more than the ${MAX_ELEMENTS} values that a tensor may have`,
    );
  }
}

function describe(type: OnnxType): string {
  switch (type.kind) {
    case "tensor":
      return `a tensor of ${elementName(type.element)}`;
    case "sparse":
      return `a sparse tensor of ${elementName(type.element)}`;
    case "sequence":
      return `a sequence (each element ${describe(type.of)})`;
    case "optional":
      return `optional (${describe(type.of)})`;
    case "map":
      return `a map from ${elementName(type.key)} to ${describe(type.value)}`;
    case "opaque":
      return "of an opaque type";
    case "missing":
      return "of no type";
  }
}

function remedy(type: OnnxType): string {
  const map = type.kind === "sequence" ? type.of : type;
  if (map.kind === "map") {
    return (
      "scikit-learn's exporter makes such maps of probabilities (ZipMap): " +
      'export with zipmap=False, to_onnx(model, X, options={id(model): {"zipmap": False}})'
    );
  }
  if (type.kind === "missing") return "run onnx.shape_inference.infer_shapes on the model and save it again";
  return "a contract carries dense tensors only: make it one in the model";
}

function elementName(element: number): string {
  return ELEMENT_NAMES[element] ?? `unknown number ${element}`;
}
