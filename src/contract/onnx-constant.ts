import { isUtf8 } from "node:buffer";
import { OnnxError } from "./onnx-error.js";
import { field, isVarints, readMessage, varintField } from "./onnx-wire.js";
import { type WireReader, WireType } from "./wire.js";

/** The classes of a classifier, in the order of its scores: ids or names. */
export type Classes =
  | { readonly kind: "ids"; readonly values: readonly number[] }
  | { readonly kind: "names"; readonly values: readonly string[] };

/** Most classes that are read. What is longer is a table of another kind. */
export const MAX_CLASSES = 4096;
const MAX_NAME_BYTES = 1024;

/** What is kept of a constant (`onnx.TensorProto`): never its weights. */
export interface OnnxConstant {
  readonly name: string;
  /** Where its data lies, if in another file. */
  readonly location: string | undefined;
  /** Its values where they can be a list of classes: few integers or strings. */
  readonly classes: Classes | undefined;
}

const INT32 = 6;
const INT64 = 7;
const STRING = 8;
const EXTERNAL = 1;

/** Reads an `onnx.TensorProto` without copying its data. */
export function readConstant(reader: WireReader): OnnxConstant {
  let name = "";
  let element = 0;
  let location: string | undefined;
  let external = false;
  let raw: Uint8Array | undefined;
  const numbers: number[] = [];
  const strings: string[] = [];
  let long = false;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === varintField(2)) element = Number(reader.int64());
    else if (tag === field(8)) name = reader.string();
    else if (tag === field(9)) raw = reader.delimited();
    else if (isVarints(tag, 5) || isVarints(tag, 7)) long = readIntegers(reader, tag, numbers) || long;
    else if (tag === field(6)) long = readText(reader, strings) || long;
    else if (tag === field(13)) location = readLocation(readMessage(reader)) ?? location;
    else if (tag === varintField(14)) external = Number(reader.int64()) === EXTERNAL;
    else reader.skip(tag & 7);
  }
  if (external && !location) {
    throw new OnnxError(`constant ${JSON.stringify(name)} keeps its data in another file and does not say which`);
  }
  const classes = long || location ? undefined : toClasses(element, raw ? fromRaw(element, raw) : numbers, strings);
  return { name, location, classes };
}

function toClasses(element: number, numbers: readonly number[], strings: readonly string[]): Classes | undefined {
  if (element === STRING && strings.length > 0) return { kind: "names", values: strings };
  if ((element === INT64 || element === INT32) && numbers.length > 0) return { kind: "ids", values: numbers };
  return undefined;
}

/** Reads varints, packed or single, into `values`, at most `MAX_CLASSES`; says whether there were more. */
export function readIntegers(reader: WireReader, tag: number, values: number[]): boolean {
  const packed = (tag & 7) === WireType.BYTES;
  const inner = packed ? readMessage(reader) : reader;
  const full = () => values.length >= MAX_CLASSES;
  if (packed) while (!inner.done && !full()) values.push(Number(inner.int64()));
  else if (full()) inner.skip(tag & 7);
  else values.push(Number(inner.int64()));
  return full();
}

/** Reads one string into `texts`; says whether it, or their number, is beyond what a class can be. */
export function readText(reader: WireReader, texts: string[]): boolean {
  const bytes = reader.delimited();
  if (bytes.length > MAX_NAME_BYTES || texts.length >= MAX_CLASSES || !isUtf8(bytes)) return true;
  texts.push(new TextDecoder().decode(bytes));
  return false;
}

function fromRaw(element: number, raw: Uint8Array): number[] {
  const size = element === INT64 ? 8 : 4;
  if ((element !== INT64 && element !== INT32) || raw.length > MAX_CLASSES * size || raw.length % size !== 0) return [];
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: raw.length / size }, (_, index) =>
    element === INT64 ? Number(view.getBigInt64(index * 8, true)) : view.getInt32(index * 4, true),
  );
}

/** The value of an `onnx.StringStringEntryProto` whose key is `location`. */
function readLocation(reader: WireReader): string | undefined {
  let key = "";
  let value = "";
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field(1)) key = reader.string();
    else if (tag === field(2)) value = reader.string();
    else reader.skip(tag & 7);
  }
  return key === "location" ? value : undefined;
}

/** Reads an `onnx.SparseTensorProto`: the constants of its values and of their places. */
export function readSparse(reader: WireReader): OnnxConstant[] {
  const constants: OnnxConstant[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === field(1) || tag === field(2)) constants.push(readConstant(readMessage(reader)));
    else reader.skip(tag & 7);
  }
  return constants;
}
