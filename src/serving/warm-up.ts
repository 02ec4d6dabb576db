import { createData } from "../contract/datatype.js";
import type { Signature, TensorSpec } from "../contract/signature.js";
import { elementCount, type Tensor } from "../contract/tensor.js";
import { processClockMs } from "./messages.js";
import type { RunModel } from "./transform-runner.js";

/** What free dimensions other than rows are tried as: models of text take any, models of pictures want some pixels. */
export const FREE_DIMENSIONS = [1, 16, 64, 320] as const;

/** How long warming up took, or why it did not succeed. */
export interface WarmUp {
  /** The last and warmest run of one row, in milliseconds. */
  readonly inferMs: number | undefined;
  readonly warning: string | undefined;
}

/**
 * Runs a model on zeros until it has allocated what it needs: twice with one row, once with a whole batch. A model that
 * refuses zeros of every size tried is served all the same, cold.
 */
export async function warmUp(signature: Signature, maxRows: number, run: RunModel): Promise<WarmUp> {
  let warning: string | undefined;
  for (const free of FREE_DIMENSIONS) {
    try {
      await run(zeros(signature, 1, free));
      const startMs = processClockMs();
      await run(zeros(signature, 1, free));
      const inferMs = processClockMs() - startMs;
      if (maxRows > 1) await run(zeros(signature, maxRows, free));
      return { inferMs, warning: undefined };
    } catch (error) {
      warning = `not warmed up: the model refuses zeros: ${(error as Error).message}`;
      if (!signature.inputs.some((spec) => spec.shape.includes(-1, 1))) break;
    }
  }
  return { inferMs: undefined, warning };
}

/** Tensors of zeros that a model takes. */
export function zeros(signature: Signature, rows: number, free: number): Tensor[] {
  return signature.inputs.map((spec) => {
    const shape = concrete(spec, rows, free);
    return {
      name: spec.name,
      datatype: spec.datatype,
      shape,
      data: createData(spec.datatype, elementCount(shape) ?? 0),
    };
  });
}

/** A shape with its free dimensions filled in. */
export function concrete(spec: TensorSpec, rows: number, free: number): number[] {
  return spec.shape.map((dimension, axis) => (dimension !== -1 ? dimension : axis === 0 ? rows : free));
}
