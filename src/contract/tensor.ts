import { type Datatype, elementSize, type NumericData, type TensorData, viewBytes } from "./datatype.js";

/** A tensor: `data` holds the product of `shape` elements in row-major order. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Dimensions, outermost first; none is negative. A scalar has none. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Most elements that one tensor may have: what a JavaScript typed array can hold with room to spare. */
export const MAX_ELEMENTS = 2 ** 31 - 1;

/**
 * Product of the dimensions, or undefined where one is negative or no integer, or the product passes `MAX_ELEMENTS`.
 * An overflow is seen even where a later dimension is 0.
 */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  let zero = false;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) return undefined;
    if (dimension === 0) zero = true;
    else count *= dimension;
    if (count > MAX_ELEMENTS) return undefined;
  }
  return zero ? 0 : count;
}

/** A shape as people write it: `[-1, 30]`. */
export function formatShape(shape: readonly (number | string)[]): string {
  return `[${shape.join(", ")}]`;
}

/** A tensor's bytes, without copying. BYTES tensors have none. */
export function toBytes(data: NumericData): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Whether a tensor's elements are the whole of their buffer, so that handing the buffer over hands over nothing else. */
export function ownsBuffer(data: NumericData): boolean {
  return data.byteOffset === 0 && data.byteLength === data.buffer.byteLength;
}

/** Elements `from` to `to` of `data`: a view, or a new array for strings. */
export function sliceData(datatype: Datatype, data: TensorData, from: number, to: number): TensorData {
  if (datatype === "BYTES") return (data as string[]).slice(from, to);
  const size = elementSize(datatype);
  return viewBytes(datatype, toBytes(data as NumericData).subarray(from * size, to * size));
}
