import { createData, type Datatype, isDatatype, type TensorData } from "../../contract/datatype.js";
import { Fault, invalid } from "../../contract/fault.js";
import { formatSpec, type Signature, shapeFits, type TensorSpec } from "../../contract/signature.js";
import { elementCount, formatShape, MAX_ELEMENTS, type Tensor } from "../../contract/tensor.js";
import type { InferInput, InferRequest } from "./infer-request.js";
import { readRawContents } from "./raw-contents.js";
import { readTypedContents } from "./typed-contents.js";
import { quote } from "./wire-text.js";

// A status message travels in a header, which has to stay small.
const MAX_LISTED = 16;

/**
 * The tensors of a request, checked against the model's signature: one for each input, no more.
 * @throws Fault INVALID_INPUT naming the tensor, what was expected and what came
 */
export function toInputTensors(request: InferRequest, signature: Signature): Tensor[] {
  checkContentsForm(request);
  const tensors = new Map<string, Tensor>();
  request.inputs.forEach((input, index) => {
    const where = `input ${quote(input.name)}`;
    if (tensors.has(input.name)) throw invalid(`${where}: came twice`);
    const spec = signature.inputs.find(({ name }) => name === input.name);
    if (spec === undefined) throw invalid(`${where}: unknown; the model has ${formatSpecs(signature.inputs)}`);
    tensors.set(
      input.name,
      located(where, () => toTensor(spec, input, request.rawContents[index])),
    );
  });
  for (const spec of signature.inputs) {
    if (!tensors.has(spec.name)) throw invalid(`input ${quote(spec.name)}: missing; expected ${formatSpec(spec)}`);
  }
  return [...tensors.values()];
}

/**
 * Names of the outputs that a request asks for, in its order; all of them where it names none.
 * @throws Fault INVALID_INPUT
 */
export function toOutputNames(request: InferRequest, signature: Signature): string[] {
  if (request.outputs.length === 0) return signature.outputs.map(({ name }) => name);
  const names = new Set<string>();
  for (const { name } of request.outputs) {
    const where = `output ${quote(name)}`;
    if (names.has(name)) throw invalid(`${where}: asked for twice`);
    if (!signature.outputs.some((spec) => spec.name === name)) {
      throw invalid(`${where}: unknown; the model has ${formatSpecs(signature.outputs)}`);
    }
    names.add(name);
  }
  return [...names];
}

/** Whether the answer should be raw: the request was, or left it open by having no contents at all. */
export function wantsRaw(request: InferRequest): boolean {
  return request.rawContents.length > 0 || request.inputs.every(({ contents }) => contents === undefined);
}

function checkContentsForm(request: InferRequest): void {
  const raw = request.rawContents.length;
  if (raw === 0) return;
  const typed = request.inputs.find(({ contents }) => contents !== undefined && contents.length > 0);
  if (typed !== undefined) {
    throw invalid(
      `input ${quote(typed.name)}: has contents beside raw_input_contents: send all inputs one way or the other`,
    );
  }
  if (raw !== request.inputs.length) {
    throw invalid(`raw_input_contents: expected ${request.inputs.length}, one for each input, got ${raw}`);
  }
}

function toTensor(spec: TensorSpec, input: InferInput, raw: Uint8Array<ArrayBuffer> | undefined): Tensor {
  const { datatype, shape } = input;
  if (!isDatatype(datatype)) throw invalid(`unknown datatype ${quote(datatype)}; expected ${formatSpec(spec)}`);
  if (datatype !== spec.datatype || !shapeFits(spec.shape, shape)) {
    throw invalid(`expected ${formatSpec(spec)}, got ${formatSpec({ datatype, shape })}`);
  }
  const count = checkCount(shape);
  const data = raw === undefined ? readTyped(datatype, count, input) : readRawContents(datatype, count, raw);
  return { name: input.name, datatype, shape, data };
}

function checkCount(shape: readonly number[]): number {
  const count = elementCount(shape);
  if (count !== undefined) return count;
  const negative = shape.find((dimension) => dimension < 0);
  if (negative !== undefined) throw invalid(`shape ${formatShape(shape)}: dimension ${negative} is negative`);
  throw invalid(`shape ${formatShape(shape)}: more than ${MAX_ELEMENTS} elements`);
}

function readTyped(datatype: Datatype, count: number, input: InferInput): TensorData {
  if (count === 0 && input.contents === undefined) return createData(datatype, 0);
  const data = readTypedContents(datatype, input.contents ?? new Uint8Array(0));
  if (data.length === count) return data;
  throw invalid(`shape ${formatShape(input.shape)} has ${count} elements, got ${data.length} in contents`);
}

/** Runs `read`, and says in its faults where they are. */
function located<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Fault) throw new Fault(error.reason, `${where}: ${error.message}`);
    throw error;
  }
}

function formatSpecs(specs: readonly TensorSpec[]): string {
  if (specs.length === 0) return "none";
  const shown = specs.slice(0, MAX_LISTED).map((spec) => `${quote(spec.name)} ${formatSpec(spec)}`);
  if (specs.length > MAX_LISTED) shown.push(`and ${specs.length - MAX_LISTED} more`);
  return shown.join(", ");
}
