import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { FoundMethod } from "../client/find-method.js";
import type { MessageBinding, TensorField } from "../contract/binding.js";
import type { ContractMethod } from "../contract/contract.js";
import { elementSize } from "../contract/datatype.js";
import type { Random } from "./seeded-random.js";

/** A message inside itself has no end. */
const MAX_DEPTH = 4;
/** Elements of lists whose length nothing says. */
const LIST_LENGTH = 3;
const WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron"];

/** What an answer is made for. */
export interface GeneratedFor {
  readonly found: FoundMethod;
  /** The method's bindings; undefined where a transform makes the answers, and nothing is bound. */
  readonly bound: ContractMethod | undefined;
  readonly request: Message;
}

/**
 * An answer that fits the contract and means nothing: a record for each row of the request, tensors in their shapes,
 * classes and names that the contract has, floats from 0 to 1.
 */
export function generateAnswer({ found, bound, request }: GeneratedFor, random: Random): Message {
  const { input, output } = found.method;
  const rows = rowsOf(reflect(input, request), bound?.request);
  const answer = create(output) as Message;
  fill(reflect(output, answer), { binding: bound?.response, rows, random, depth: 0 });
  return answer;
}

interface Filling {
  /** Of the message that is filled, where it is the method's own. */
  readonly binding: MessageBinding | undefined;
  readonly rows: number;
  readonly random: Random;
  readonly depth: number;
}

function fill(message: ReflectMessage, filling: Filling): void {
  for (const field of message.fields) {
    if (field.oneof && field.oneof.fields[0] !== field && !field.proto.proto3Optional) continue;
    if (field.message && filling.depth >= MAX_DEPTH) continue;
    const tensor = filling.binding?.tensors.find(({ number }) => number === field.number);
    if (field.fieldKind === "list") fillList(message, field, { ...filling, tensor });
    else if (field.fieldKind === "message" && tensor) message.set(field, shapedTensor(field.message, tensor, filling));
    else if (field.fieldKind === "message") message.set(field, inner(field.message, filling));
    else if (field.fieldKind !== "map") message.set(field, scalar(field, tensor, filling));
  }
}

function fillList(
  message: ReflectMessage,
  field: DescField & { fieldKind: "list" },
  filling: Filling & { readonly tensor: TensorField | undefined },
): void {
  const list = message.get(field);
  const isRecords = field.message !== undefined && filling.depth === 0;
  const width = filling.binding ? undefined : LIST_LENGTH;
  const length = filling.tensor ? product(filling.tensor.shape, filling.rows) : isRecords ? filling.rows : width;
  for (let index = 0; index < (length ?? LIST_LENGTH); index++) {
    list.add(field.message ? inner(field.message, filling) : scalar(field, undefined, filling));
  }
}

function inner(schema: DescMessage, filling: Filling): ReflectMessage {
  const message = reflect(schema);
  fill(message, { ...filling, binding: undefined, depth: filling.depth + 1 });
  return message;
}

/** A `FloatTensor` or its like. */
function shapedTensor(schema: DescMessage, { shape }: TensorField, { rows, random }: Filling): ReflectMessage {
  const message = reflect(schema);
  const concrete = shape.map((dimension) => (dimension === -1 ? rows : dimension));
  const [shapeField, valuesField] = [schema.fields.find(isNamed("shape")), schema.fields.find(isNamed("values"))];
  if (shapeField?.fieldKind === "list") for (const one of concrete) message.get(shapeField).add(BigInt(one));
  if (valuesField?.fieldKind === "list") {
    const values = message.get(valuesField);
    for (let index = 0; index < product(concrete, 1); index++) {
      values.add(scalar(valuesField, undefined, { binding: undefined, rows, random, depth: 0 }));
    }
  }
  return message;
}

function isNamed(wanted: string): (field: DescField) => boolean {
  return ({ name }) => name === wanted;
}

function scalar(field: DescField, tensor: TensorField | undefined, { rows, random }: Filling): unknown {
  if (field.enum) {
    // The first stands for "not said".
    const values = field.enum.values.length > 1 ? field.enum.values.slice(1) : field.enum.values;
    return pick(values, random).number;
  }
  switch (field.scalar) {
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return Math.fround(Math.round(random() * 1e4) / 1e4);
    case ScalarType.BOOL:
      return random() < 0.5;
    case ScalarType.STRING:
      return pick(WORDS, random);
    case ScalarType.BYTES:
      return new Uint8Array(
        tensor && tensor.datatype !== "BYTES" ? product(tensor.shape, rows) * elementSize(tensor.datatype) : 0,
      );
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return BigInt(Math.floor(random() * 10));
    default:
      return Math.floor(random() * 10);
  }
}

function pick<Value>(values: readonly Value[], random: Random): Value {
  return values[Math.floor(random() * values.length)]!;
}

function product(shape: readonly number[], rows: number): number {
  return shape.reduce((count, dimension) => count * (dimension === -1 ? rows : dimension), 1);
}

/** Rows of a request: its records, or what the free dimension of its first tensor comes to. */
function rowsOf(request: ReflectMessage, binding: MessageBinding | undefined): number {
  const length = (field: DescField | undefined) => (field?.fieldKind === "list" ? request.get(field).size : 1);
  const byNumber = (number: number) => request.fields.find((field) => field.number === number);
  const record = binding?.records[0];
  if (record) return record.repeated ? length(byNumber(record.number)) : 1;
  const tensor = binding?.tensors[0];
  if (tensor) {
    const row = tensor.shape.reduce((size, dimension) => size * (dimension === -1 ? 1 : dimension), 1);
    return Math.max(1, Math.floor(length(byNumber(tensor.number)) / Math.max(1, row)));
  }
  return length(request.fields.find(({ fieldKind }) => fieldKind === "list"));
}
