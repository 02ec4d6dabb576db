import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Datatype } from "../../src/contract/datatype.js";

/** Element types of ONNX that Flotilla has no datatype for. */
export type ForeignDatatype =
  | "COMPLEX64"
  | "COMPLEX128"
  | "BFLOAT16"
  | "FLOAT8E4M3FN"
  | "FLOAT8E5M2"
  | "UINT4"
  | "INT4"
  | "FLOAT4E2M1";

export type OnnxDatatype = Datatype | ForeignDatatype;

/** Numbers of `onnx.TensorProto.DataType`. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
const NUMBERS: Record<OnnxDatatype, number> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  COMPLEX64: 14,
  COMPLEX128: 15,
  BFLOAT16: 16,
  FLOAT8E4M3FN: 17,
  FLOAT8E5M2: 19,
  UINT4: 21,
  INT4: 22,
  FLOAT4E2M1: 23,
};

/** A dimension: a number; -1, free without a name; or a name. */
export type Dimension = number | string;

/** The type of an input or output. */
export type ValueType =
  | { readonly datatype: OnnxDatatype; readonly shape?: readonly Dimension[] }
  | { readonly sparse: { readonly datatype: OnnxDatatype; readonly shape?: readonly Dimension[] } }
  | { readonly sequence: ValueType }
  | { readonly map: { readonly key: OnnxDatatype; readonly value: ValueType } }
  | { readonly optional: ValueType };

/** An input or output: its name and type. A type of "none" leaves the type out. */
export type ValueSpec = { readonly name: string } & (ValueType | { readonly untyped: true });

/** A constant. `external` puts its data in another file: then `data` is not needed. */
export interface TensorConstant {
  readonly name?: string;
  readonly datatype: OnnxDatatype;
  readonly dims: readonly number[];
  /** Values; FP16 as bit patterns, BOOL as 0 and 1. */
  readonly data?: readonly number[] | readonly string[];
  /** Key and value pairs of `external_data`, `location` above all. */
  readonly external?: Readonly<Record<string, string>>;
}

export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: TensorConstant }
  | { readonly tensors: readonly TensorConstant[] }
  | { readonly sparseTensor: SparseConstant }
  | { readonly graph: GraphSpec };

/** A constant most of whose elements are 0. */
export interface SparseConstant {
  readonly values: TensorConstant;
  readonly indices: TensorConstant;
  readonly dims: readonly number[];
}

export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Operator set; ONNX's own by default. */
  readonly domain?: string;
}

export interface GraphSpec {
  readonly name?: string;
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly initializers?: readonly TensorConstant[];
  readonly sparseInitializers?: readonly SparseConstant[];
}

export interface FunctionSpec {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeSpec[];
}

export interface ModelSpec extends GraphSpec {
  /** Version by operator set. @default { "": 17 } */
  readonly opset?: Readonly<Record<string, number>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly functions?: readonly FunctionSpec[];
}

type Encode = (writer: BinaryWriter) => void;

function message(writer: BinaryWriter, field: number, encode: Encode): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  encode(writer);
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

/** Elements as ONNX's `raw_data` has them: little-endian. */
function toRaw(datatype: OnnxDatatype, data: readonly number[]): Uint8Array {
  switch (datatype) {
    case "FP32":
      return new Uint8Array(new Float32Array(data).buffer);
    case "FP64":
      return new Uint8Array(new Float64Array(data).buffer);
    case "INT32":
    case "UINT32":
      return new Uint8Array(new Int32Array(data).buffer);
    case "INT64":
    case "UINT64":
      return new Uint8Array(new BigInt64Array(data.map(BigInt)).buffer);
    case "INT16":
    case "UINT16":
    case "FP16":
    case "BFLOAT16":
      return new Uint8Array(new Int16Array(data).buffer);
    default:
      return new Uint8Array(data);
  }
}

function writeTensor(writer: BinaryWriter, tensor: TensorConstant): void {
  for (const dim of tensor.dims) integer(writer, 1, dim);
  integer(writer, 2, NUMBERS[tensor.datatype]);
  if (tensor.name !== undefined) text(writer, 8, tensor.name);
  if (tensor.external !== undefined) {
    for (const [key, value] of Object.entries(tensor.external)) writeEntry(writer, 13, [key, value]);
    integer(writer, 14, 1);
    return;
  }
  const data = tensor.data ?? [];
  if (tensor.datatype === "BYTES") for (const value of data) text(writer, 6, String(value));
  else writer.tag(9, WireType.LengthDelimited).bytes(toRaw(tensor.datatype, data as readonly number[]));
}

function writeEntry(writer: BinaryWriter, field: number, [key, value]: readonly [string, string]): void {
  message(writer, field, (entry) => {
    text(entry, 1, key);
    text(entry, 2, value);
  });
}

function writeSparse(writer: BinaryWriter, sparse: SparseConstant): void {
  message(writer, 1, (values) => writeTensor(values, sparse.values));
  message(writer, 2, (indices) => writeTensor(indices, sparse.indices));
  for (const dim of sparse.dims) integer(writer, 3, dim);
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute): void {
  text(writer, 1, name);
  if ("float" in attribute) writer.tag(2, WireType.Bit32).float(attribute.float);
  else if ("int" in attribute) integer(writer, 3, attribute.int);
  else if ("string" in attribute) text(writer, 4, attribute.string);
  else if ("tensor" in attribute) message(writer, 5, (inner) => writeTensor(inner, attribute.tensor));
  else if ("graph" in attribute) message(writer, 6, (inner) => writeGraph(inner, attribute.graph));
  else if ("floats" in attribute) for (const value of attribute.floats) writer.tag(7, WireType.Bit32).float(value);
  else if ("ints" in attribute) for (const value of attribute.ints) integer(writer, 8, value);
  else if ("strings" in attribute) for (const value of attribute.strings) text(writer, 9, value);
  else if ("tensors" in attribute) {
    for (const tensor of attribute.tensors) message(writer, 10, (inner) => writeTensor(inner, tensor));
  } else message(writer, 22, (inner) => writeSparse(inner, attribute.sparseTensor));
  integer(writer, 20, attributeType(attribute));
}

/** Number of `onnx.AttributeProto.AttributeType`. */
function attributeType(attribute: Attribute): number {
  const types = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8, tensors: 9 };
  const key = Object.keys(attribute)[0] as keyof typeof types | "sparseTensor";
  return key === "sparseTensor" ? 11 : types[key];
}

function writeNode(writer: BinaryWriter, node: NodeSpec): void {
  for (const input of node.inputs) text(writer, 1, input);
  for (const output of node.outputs) text(writer, 2, output);
  text(writer, 4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes ?? {})) {
    message(writer, 5, (inner) => writeAttribute(inner, name, attribute));
  }
  if (node.domain !== undefined) text(writer, 7, node.domain);
}

type TensorType = { readonly datatype: OnnxDatatype; readonly shape?: readonly Dimension[] };

function writeTensorType(writer: BinaryWriter, { datatype, shape }: TensorType): void {
  integer(writer, 1, NUMBERS[datatype]);
  if (shape === undefined) return;
  message(writer, 2, (inner) => {
    for (const dimension of shape) message(inner, 1, (dim) => writeDimension(dim, dimension));
  });
}

function writeDimension(writer: BinaryWriter, dimension: Dimension): void {
  if (typeof dimension === "string") text(writer, 2, dimension);
  else if (dimension !== -1) integer(writer, 1, dimension);
}

function writeType(writer: BinaryWriter, type: ValueType): void {
  if ("sequence" in type) {
    message(writer, 4, (inner) => message(inner, 1, (element) => writeType(element, type.sequence)));
  } else if ("map" in type) {
    message(writer, 5, (inner) => {
      integer(inner, 1, NUMBERS[type.map.key]);
      message(inner, 2, (value) => writeType(value, type.map.value));
    });
  } else if ("sparse" in type) {
    message(writer, 8, (inner) => writeTensorType(inner, type.sparse));
  } else if ("optional" in type) {
    message(writer, 9, (inner) => message(inner, 1, (element) => writeType(element, type.optional)));
  } else {
    message(writer, 1, (inner) => writeTensorType(inner, type));
  }
}

function writeValue(writer: BinaryWriter, value: ValueSpec): void {
  text(writer, 1, value.name);
  if (!("untyped" in value)) message(writer, 2, (inner) => writeType(inner, value));
}

function writeGraph(writer: BinaryWriter, graph: GraphSpec): void {
  for (const node of graph.nodes) message(writer, 1, (inner) => writeNode(inner, node));
  text(writer, 2, graph.name ?? "graph");
  for (const tensor of graph.initializers ?? []) message(writer, 5, (inner) => writeTensor(inner, tensor));
  for (const input of graph.inputs) message(writer, 11, (inner) => writeValue(inner, input));
  for (const output of graph.outputs) message(writer, 12, (inner) => writeValue(inner, output));
  for (const sparse of graph.sparseInitializers ?? []) message(writer, 15, (inner) => writeSparse(inner, sparse));
}

function writeOpset(writer: BinaryWriter, field: number, [domain, version]: readonly [string, number]): void {
  message(writer, field, (inner) => {
    text(inner, 1, domain);
    integer(inner, 2, version);
  });
}

function writeFunction(writer: BinaryWriter, spec: FunctionSpec, opset: readonly (readonly [string, number])[]): void {
  text(writer, 1, spec.name);
  for (const input of spec.inputs) text(writer, 4, input);
  for (const output of spec.outputs) text(writer, 5, output);
  for (const node of spec.nodes) message(writer, 7, (inner) => writeNode(inner, node));
  for (const entry of opset) writeOpset(writer, 9, entry);
  text(writer, 10, spec.domain);
}

/** The bytes of an .onnx file: an `onnx.ModelProto`. */
export function encodeModel(spec: ModelSpec): Uint8Array {
  const writer = new BinaryWriter();
  const opset = Object.entries({ "": 17, ...spec.opset });
  integer(writer, 1, 8);
  text(writer, 2, "flotilla-test");
  message(writer, 7, (inner) => writeGraph(inner, spec));
  for (const entry of opset) writeOpset(writer, 8, entry);
  for (const entry of Object.entries(spec.metadata ?? {})) writeEntry(writer, 14, entry);
  for (const each of spec.functions ?? []) message(writer, 25, (inner) => writeFunction(inner, each, opset));
  return writer.finish();
}
