import assert from "node:assert/strict";
import fc from "fast-check";
import type { Tensor } from "../../src/contract/tensor.js";
import { batchKey, detachable, joinBatch, rowsOf, splitBatch } from "../../src/serving/batch.js";
import { fp32 } from "../support/served.js";

function ids(rows: number, from: number): Tensor[] {
  const data = Float32Array.from({ length: rows * 2 }, (_, index) => from + index);
  return [
    { name: "x", datatype: "FP32", shape: [rows, 2], data },
    {
      name: "text",
      datatype: "BYTES",
      shape: [rows],
      data: Array.from({ length: rows }, (_, row) => `${from}/${row}`),
    },
  ];
}

describe("joinBatch() and splitBatch()", () => {
  it("give every call its own rows back", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }), (rows) => {
        const calls = rows.map((count, index) => ids(count, index * 100));
        const joined = joinBatch(calls);
        const total = rows.reduce((sum, count) => sum + count, 0);
        assert.deepEqual(
          joined.map((tensor) => tensor.shape[0]),
          [total, total],
        );
        assert.deepEqual(splitBatch(joined, calls.map(rowsOf)), calls);
      }),
    );
  });

  it("refuse outputs that do not have a row for each row", () => {
    assert.equal(splitBatch([fp32("y", [1, 2], [1, 2])], [1, 1]), undefined);
  });
});

describe("batchKey()", () => {
  it("is the same for calls that differ in rows or in the order of their tensors alone", () => {
    assert.equal(batchKey(ids(1, 0), undefined), batchKey(ids(4, 7).reverse(), undefined));
  });

  it("differs by shape, datatype, name and wanted outputs", () => {
    const base = fp32("x", [1, 2], [0, 0]);
    const others = [
      fp32("x", [1, 1], [0]),
      fp32("x", [1, 2, 1], [0, 0]),
      fp32("y", [1, 2], [0, 0]),
      { ...base, datatype: "INT32" } as Tensor,
    ];
    for (const other of others) assert.notEqual(batchKey([other], undefined), batchKey([base], undefined));
    assert.notEqual(batchKey([base], ["y"]), batchKey([base], undefined));
  });
});

describe("detachable()", () => {
  it("copies a view, so that handing its buffer over empties no other tensor", () => {
    const shared = new Float32Array([1, 2, 3, 4]);
    const view: Tensor = { name: "x", datatype: "FP32", shape: [2], data: shared.subarray(1, 3) };
    assert.notEqual((detachable(view).data as Float32Array).buffer, shared.buffer);
    assert.deepEqual(detachable(view).data, new Float32Array([2, 3]));
    const whole: Tensor = { name: "x", datatype: "FP32", shape: [4], data: shared };
    assert.equal(detachable(whole), whole);
  });

  it("hands a large view over with the message that it lies in: that is its call's alone, and has been read", () => {
    const message = new Float32Array(1 << 15);
    const view: Tensor = { name: "x", datatype: "FP32", shape: [1 << 14], data: message.subarray(2, 2 + (1 << 14)) };
    assert.equal(detachable(view), view);
  });
});
