import { createData, type TensorData } from "../contract/datatype.js";
import { elementCount, type Tensor } from "../contract/tensor.js";
import { batchKey, joinBatch, rowsOf, splitBatch } from "./batch.js";

/** What an operator says of padding. */
export interface PaddingSettings {
  /** The dimension that calls may differ in, from 0: 1 is the first after the rows. */
  readonly axis: number;
  /** What each input is filled up with, by its name. */
  readonly values: Readonly<Record<string, number>>;
}

/** The same of a model that was seen to take it. */
export interface Padding extends PaddingSettings {
  /** Outputs that have the dimension, too: each call's are cut back to its own length. */
  readonly cut: readonly string[];
}

/** Calls whose keys are equal can share a run; with padding also those that differ in length alone. */
export function sharingKey(
  inputs: readonly Tensor[],
  outputs: readonly string[] | undefined,
  padding: Padding | undefined,
): string {
  if (padding === undefined || lengthOf(inputs, padding) === undefined) return batchKey(inputs, outputs);
  const ragged = inputs.map((tensor) =>
    isPadded(tensor, padding) ? { ...tensor, shape: withLength(tensor.shape, padding.axis, -1) } : tensor,
  );
  return batchKey(ragged, outputs);
}

/**
 * The tensors of several calls as one, along axis 0, each filled up to the longest.
 *
 * ```
 * call 0  [1, 3]  a b c      ┐
 * call 1  [1, 5]  d e f g h  ┴─> [2, 5]  a b c 0 0
 *                                        d e f g h
 * ```
 * @param calls tensors of each call; the keys of all are equal
 */
export function joinCalls(calls: readonly (readonly Tensor[])[], padding: Padding | undefined): readonly Tensor[] {
  if (padding === undefined || calls.length === 1) return joinBatch(calls);
  const longest = Math.max(...calls.map((inputs) => lengthOf(inputs, padding) ?? 0));
  const { axis, values } = padding;
  return joinBatch(
    calls.map((inputs) =>
      inputs.map((tensor) =>
        isPadded(tensor, padding) ? resize(tensor, { axis, length: longest, fill: values[tensor.name]! }) : tensor,
      ),
    ),
  );
}

/**
 * Each call's own rows of a run's outputs, of its own length.
 * @param calls the tensors that were joined
 * @returns undefined where an output's first dimension is not the run's rows
 */
export function splitCalls(
  outputs: readonly Tensor[],
  calls: readonly (readonly Tensor[])[],
  padding: Padding | undefined,
): Tensor[][] | undefined {
  const split = splitBatch(outputs, calls.map(rowsOf));
  if (padding === undefined || calls.length === 1) return split;
  return split?.map((own, index) => {
    const length = lengthOf(calls[index]!, padding);
    if (length === undefined) return own;
    return own.map((tensor) =>
      padding.cut.includes(tensor.name) ? resize(tensor, { axis: padding.axis, length, fill: 0 }) : tensor,
    );
  });
}

/** How long a call's padded inputs are; undefined where they differ: filling one up would hide that the call is wrong. */
function lengthOf(inputs: readonly Tensor[], padding: PaddingSettings): number | undefined {
  const lengths = inputs.filter((tensor) => isPadded(tensor, padding)).map(({ shape }) => shape[padding.axis]);
  return lengths.every((length) => length === lengths[0]) ? lengths[0] : undefined;
}

function isPadded({ name }: Tensor, { values }: PaddingSettings): boolean {
  return Object.hasOwn(values, name);
}

/** A tensor whose dimension `axis` is `length`: cut off, or filled up. */
function resize(tensor: Tensor, to: { readonly axis: number; readonly length: number; readonly fill: number }): Tensor {
  const { axis, length, fill } = to;
  const before = tensor.shape[axis]!;
  if (before === length) return tensor;
  const shape = withLength(tensor.shape, axis, length);
  const inner = elementCount(shape.slice(axis + 1)) ?? 0;
  const [stride, newStride] = [before * inner, length * inner];
  const kept = Math.min(stride, newStride);
  const data = createData(tensor.datatype, elementCount(shape) ?? 0);
  if (newStride > stride) fillWith(data, fill);
  for (let from = 0, to = 0; to < data.length; from += stride, to += newStride) {
    if (Array.isArray(data)) data.splice(to, kept, ...(tensor.data as string[]).slice(from, from + kept));
    else (data as Float32Array).set((tensor.data as Float32Array).subarray(from, from + kept), to);
  }
  return { ...tensor, shape, data };
}

function fillWith(data: TensorData, value: number): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(BigInt(value));
  else (data as Float32Array).fill(value);
}

function withLength(shape: readonly number[], axis: number, length: number): number[] {
  return shape.map((dimension, at) => (at === axis ? length : dimension));
}
