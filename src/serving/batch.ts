import { createData, type NumericData, type TensorData } from "../contract/datatype.js";
import { elementCount, ownsBuffer, sliceData, type Tensor } from "../contract/tensor.js";

/** Rows of a call: the first dimension of its first tensor; 1 where it has none. */
export function rowsOf(inputs: readonly Tensor[]): number {
  return inputs[0]?.shape[0] ?? 1;
}

/** Whether a call can share a run: all its tensors have as many rows. Others would shift the rows of their mates. */
export function isJoinable(inputs: readonly Tensor[]): boolean {
  return inputs.every(({ shape }) => shape.length > 0 && shape[0] === inputs[0]!.shape[0]);
}

/** Calls whose keys are equal can be joined: the same tensors, datatypes and shapes but for the first dimension. */
export function batchKey(inputs: readonly Tensor[], outputs: readonly string[] | undefined): string {
  const tensors = inputs.map(({ name, datatype, shape }) => `${name}:${datatype}:${shape.slice(1).join("x")}`);
  return `${tensors.sort().join("|")}>${outputs?.join(",") ?? ""}`;
}

/**
 * The tensors of several calls as one, along axis 0. A lone call's tensors are handed on as they are.
 *
 * ```
 * call 0  [2, 4] ┐
 * call 1  [1, 4] ├─> [6, 4]   rows 0-1 | 2 | 3-5
 * call 2  [3, 4] ┘
 * ```
 * @param calls tensors of each call; the keys of all are equal
 */
export function joinBatch(calls: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first] = calls;
  if (first === undefined || calls.length === 1) return first ?? [];
  return first.map((model) => {
    const parts = calls.map((call) => call.find((tensor) => tensor.name === model.name)!);
    const rows = parts.reduce((total, part) => total + part.shape[0]!, 0);
    const shape = [rows, ...model.shape.slice(1)];
    return { ...model, shape, data: concat(model, parts, elementCount(shape) ?? 0) };
  });
}

function concat(model: Tensor, parts: readonly Tensor[], length: number): TensorData {
  if (model.datatype === "BYTES") return parts.flatMap((part) => part.data as string[]);
  const data = createData(model.datatype, length) as Float32Array;
  let at = 0;
  for (const part of parts) {
    data.set(part.data as Float32Array, at);
    at += part.data.length;
  }
  return data as TensorData;
}

/**
 * Each call's own rows of a batch's outputs, as views.
 * @param rows rows of each call, in the order they were joined
 * @returns undefined where an output's first dimension is not the batch's rows: the model can't be batched
 */
export function splitBatch(outputs: readonly Tensor[], rows: readonly number[]): Tensor[][] | undefined {
  if (rows.length === 1) return [[...outputs]];
  const total = rows.reduce((sum, count) => sum + count, 0);
  if (outputs.some((tensor) => tensor.shape[0] !== total)) return undefined;
  let from = 0;
  return rows.map((count) => {
    const start = from;
    from += count;
    return outputs.map((tensor) => sliceRows(tensor, start, start + count));
  });
}

/** Rows `from` to `to` of a tensor, as a view. */
export function sliceRows(tensor: Tensor, from: number, to: number): Tensor {
  const width = tensor.data.length / (tensor.shape[0] || 1);
  const { name, datatype } = tensor;
  const shape = tensor.shape.slice();
  shape[0] = to - from;
  // By its fields: a spread takes longer than all else that is done here, for each call.
  return { name, datatype, shape, data: sliceData(datatype, tensor.data, from * width, to * width) };
}

/** A view so large lies in its call's own message: Node shares buffers among smaller ones alone. */
const LARGE_BYTES = 1 << 16;

/**
 * Memory that can be handed over to another thread. Small views are copied first, as their buffers may be others', too;
 * with a large one goes the whole message that it lies in, which has been read.
 */
export function detachable(tensor: Tensor): Tensor {
  if (Array.isArray(tensor.data)) return tensor;
  const { data } = tensor;
  return data.byteLength >= LARGE_BYTES || ownsBuffer(data) ? tensor : { ...tensor, data: data.slice() as NumericData };
}

/** The buffers of tensors that `detachable` made ready. */
export function transferList(tensors: readonly Tensor[]): ArrayBuffer[] {
  return [...new Set(tensors.flatMap(({ data }) => (Array.isArray(data) ? [] : [data.buffer])))];
}
