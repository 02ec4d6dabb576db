import { createData, type NumericData, type TensorData } from "../contract/datatype.js";
import type { Signature } from "../contract/signature.js";
import { elementCount, type Tensor } from "../contract/tensor.js";
import { joinBatch, splitBatch } from "./batch.js";
import type { RunModel } from "./transform-runner.js";
import { concrete, FREE_DIMENSIONS } from "./warm-up.js";

/** Kernels sum in another order for other sizes, and models quantised at run time scale all rows together. */
const TOLERANCE = 0.05;

/**
 * Whether a row's answer is the same alone and beside another row. A free first dimension need not count rows: a model
 * that normalises over it, say, would mix the data of callers who share a run. A model that refuses every input tried is
 * taken at its signature's word.
 */
export async function rowsAreIndependent(signature: Signature, run: RunModel): Promise<boolean> {
  for (const free of FREE_DIMENSIONS) {
    const [one, other] = [probe(signature, free, 1), probe(signature, free, 2)];
    try {
      const alone = await run(one);
      const beside = splitBatch(await run(joinBatch([one, other])), [1, 1])?.[0];
      return beside?.every((tensor, index) => isClose(tensor.data, alone[index]!.data)) ?? false;
    } catch {
      // Not a size that the model takes: try the next.
    }
  }
  return true;
}

/** One row of small values, other ones for each seed: 0 and 1 are valid ids nearly everywhere. */
export function probe(signature: Signature, free: number, seed: number): Tensor[] {
  return signature.inputs.map((spec) => {
    const shape = concrete(spec, 1, free);
    const data = createData(spec.datatype, elementCount(shape) ?? 0);
    if (!Array.isArray(data) && spec.datatype !== "FP16") fill(data, seed);
    return { name: spec.name, datatype: spec.datatype, shape, data };
  });
}

function fill(data: NumericData, seed: number): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let index = 0; index < data.length; index++) data[index] = BigInt((index + seed) % 2);
  } else if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let index = 0; index < data.length; index++) data[index] = Math.sin(index * 7 + seed * 13);
  } else {
    for (let index = 0; index < data.length; index++) data[index] = (index + seed) % 2;
  }
}

/** @param scale what differences are set against beside each value itself */
export function isClose(one: TensorData, other: TensorData, scale = 1): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) {
    const [a, b] = [one[index]!, other[index]!];
    if (typeof a === "string" || typeof b === "string") {
      if (a !== b) return false;
    } else if (Math.abs(Number(a) - Number(b)) > TOLERANCE * (scale + Math.abs(Number(b)))) return false;
  }
  return true;
}
