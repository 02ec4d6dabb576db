import type { Datatype } from "./datatype.js";
import { formatShape } from "./tensor.js";

/** Name, datatype and shape of one input or output. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** Dimensions, outermost first; -1 is free. */
  readonly shape: readonly number[];
}

/** What a model takes and gives. */
export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** A tensor's datatype and shape as people write them: `FP32[-1, 30]`. */
export function formatSpec(spec: { readonly datatype: Datatype; readonly shape: readonly number[] }): string {
  return `${spec.datatype}${formatShape(spec.shape)}`;
}

/** Whether a tensor's shape is one that `spec` allows: the same rank, and every dimension that is not free the same. */
export function shapeFits(spec: readonly number[], shape: readonly number[]): boolean {
  return spec.length === shape.length && spec.every((dimension, axis) => dimension === -1 || dimension === shape[axis]);
}

/**
 * Whether tensors of several calls can be joined along axis 0: every input and output has a free first dimension.
 */
export function isBatchable(signature: Signature): boolean {
  return [...signature.inputs, ...signature.outputs].every((spec) => spec.shape[0] === -1);
}
