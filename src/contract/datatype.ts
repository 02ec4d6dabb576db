/** Element types of tensors, by the names of the Open Inference Protocol. */
export type Datatype =
  | "BOOL"
  | "UINT8"
  | "UINT16"
  | "UINT32"
  | "UINT64"
  | "INT8"
  | "INT16"
  | "INT32"
  | "INT64"
  | "FP16"
  | "FP32"
  | "FP64"
  | "BYTES";

/** What holds a tensor's elements. FP16 travels as its 16-bit patterns, BOOL as bytes 0 and 1, BYTES as strings. */
export type TensorData = NumericData | string[];

/** Elements that lie in one stretch of memory, in the machine's order (little-endian on every platform served). */
export type NumericData =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** A datatype whose elements have one fixed size. */
export type FixedDatatype = Exclude<Datatype, "BYTES">;

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): NumericData;
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): NumericData;
}

interface DatatypeFacts {
  readonly array: ArrayType;
  /** Number of `onnx.TensorProto.DataType`. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
  readonly onnx: number;
  /** The name ONNX Runtime uses. */
  readonly ort: string;
}

const FIXED: Record<FixedDatatype, DatatypeFacts> = {
  BOOL: { array: Uint8Array as ArrayType, onnx: 9, ort: "bool" },
  UINT8: { array: Uint8Array as ArrayType, onnx: 2, ort: "uint8" },
  UINT16: { array: Uint16Array as ArrayType, onnx: 4, ort: "uint16" },
  UINT32: { array: Uint32Array as ArrayType, onnx: 12, ort: "uint32" },
  UINT64: { array: BigUint64Array as ArrayType, onnx: 13, ort: "uint64" },
  INT8: { array: Int8Array as ArrayType, onnx: 3, ort: "int8" },
  INT16: { array: Int16Array as ArrayType, onnx: 5, ort: "int16" },
  INT32: { array: Int32Array as ArrayType, onnx: 6, ort: "int32" },
  INT64: { array: BigInt64Array as ArrayType, onnx: 7, ort: "int64" },
  FP16: { array: Uint16Array as ArrayType, onnx: 10, ort: "float16" },
  FP32: { array: Float32Array as ArrayType, onnx: 1, ort: "float32" },
  FP64: { array: Float64Array as ArrayType, onnx: 11, ort: "float64" },
};

const ONNX_STRING = 8;

/** All datatypes, in the protocol's order. */
export const DATATYPES: readonly Datatype[] = [...(Object.keys(FIXED) as FixedDatatype[]), "BYTES"];

/** Whether a string names a datatype. */
export function isDatatype(name: string): name is Datatype {
  return name === "BYTES" || Object.hasOwn(FIXED, name);
}

/** Size of one element in bytes. */
export function elementSize(datatype: FixedDatatype): number {
  return FIXED[datatype].array.BYTES_PER_ELEMENT;
}

/** A new zeroed array for `length` elements (empty strings for BYTES). */
export function createData(datatype: Datatype, length: number): TensorData {
  return datatype === "BYTES" ? new Array<string>(length).fill("") : new FIXED[datatype].array(length);
}

/**
 * The elements that lie in `bytes`: a view of them where they are aligned in memory, a copy only where they are not.
 * @throws RangeError where `bytes` is not a whole number of elements
 */
export function viewBytes(datatype: FixedDatatype, bytes: Uint8Array<ArrayBuffer>): NumericData {
  const { array } = FIXED[datatype];
  const size = array.BYTES_PER_ELEMENT;
  if (bytes.byteLength % size !== 0) {
    throw new RangeError(`${bytes.byteLength} bytes are not a whole number of ${datatype} elements`);
  }
  // Not `slice`: a Buffer's shares the memory, which is what has to be left.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** Shorter fields are copied: that is as fast, and the length before a longer one takes three bytes and more. */
const MOVED_BYTES = 1 << 14;

/**
 * The elements of a field of a message that nobody reads again: a view of them where they are aligned in memory. Where
 * they are not, a long field is moved to the left, over its own tag and length, which have been read; that makes no new
 * memory, which for tensors of hundreds of KB costs more than the move. Others are copied.
 * @throws RangeError where `bytes` is not a whole number of elements
 */
export function claimBytes(datatype: FixedDatatype, bytes: Uint8Array<ArrayBuffer>): NumericData {
  const shift = bytes.byteOffset % elementSize(datatype);
  // A tag and a length of 2^14 and more are four bytes at least.
  if (shift === 0 || shift > 3 || bytes.byteLength < MOVED_BYTES) return viewBytes(datatype, bytes);
  const moved = new Uint8Array(bytes.buffer, bytes.byteOffset - shift, bytes.byteLength);
  moved.set(bytes);
  return viewBytes(datatype, moved);
}

/** The datatype that ONNX numbers so, or undefined where Flotilla has none for it (bfloat16, float8, complex, int4). */
export function fromOnnxDatatype(onnx: number): Datatype | undefined {
  if (onnx === ONNX_STRING) return "BYTES";
  return DATATYPES.find((datatype) => datatype !== "BYTES" && FIXED[datatype].onnx === onnx);
}

/** ONNX Runtime's name of a datatype. */
export function toOrtType(datatype: Datatype): string {
  return datatype === "BYTES" ? "string" : FIXED[datatype].ort;
}

/** The datatype that ONNX Runtime calls so, or undefined. */
export function fromOrtType(type: string): Datatype | undefined {
  return DATATYPES.find((datatype) => toOrtType(datatype) === type);
}
