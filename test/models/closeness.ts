import assert from "node:assert/strict";
import type { TransformTensor } from "../../src/contract/transform.js";

/** Fails where values differ by more than `tolerance`, saying where and by how much. */
export function assertClose(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "values",
): void {
  assert.equal(got.length, expected.length, `${what}: expected ${expected.length}, got ${got.length}`);
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs(got[index]! - expected[index]!);
    // Also fails on NaN.
    if (!(difference <= tolerance)) {
      assert.fail(`${what}: [${index}] is ${got[index]}, expected ${expected[index]} within ${tolerance}`);
    }
  }
}

/** Fails where a model's outputs differ: in names, in shapes, by any integer, or by more than `tolerance`. */
export function assertOutputsClose(
  got: Record<string, TransformTensor>,
  expected: Record<string, TransformTensor>,
  tolerance: number,
): void {
  assert.deepEqual(Object.keys(got).sort(), Object.keys(expected).sort());
  for (const [name, { shape, data }] of Object.entries(expected)) {
    assert.deepEqual([...got[name]!.shape], [...shape], `shape of ${name}`);
    if (data instanceof BigInt64Array) assert.deepEqual(got[name]!.data, data, name);
    else assertClose(got[name]!.data as Float32Array, data as Float32Array, tolerance, name);
  }
}
