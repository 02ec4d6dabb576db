import assert from "node:assert/strict";
import { claimBytes, type FixedDatatype } from "../../src/contract/datatype.js";

/** A message that holds `bytes` from `offset` on, with its own tag and length before it and a mark after it. */
function place(bytes: Uint8Array, offset: number): { memory: Uint8Array<ArrayBuffer>; field: Uint8Array<ArrayBuffer> } {
  const memory = new Uint8Array(offset + bytes.length + 8).fill(0xee);
  memory.set(bytes, offset);
  return { memory, field: memory.subarray(offset, offset + bytes.length) };
}

const sizes: readonly [FixedDatatype, number][] = [
  ["UINT8", 1],
  ["FP16", 2],
  ["FP32", 4],
  ["INT32", 4],
  ["FP64", 8],
  ["INT64", 8],
];

describe("claimBytes()", () => {
  for (const [datatype, size] of sizes) {
    it(`reads ${datatype} wherever it lies, short or long, and touches nothing beside it`, () => {
      for (const count of [0, 3, 1 << 14, (1 << 15) + 1]) {
        const bytes = Uint8Array.from({ length: count * size }, (_, index) => (index * 31 + 7) % 251);
        for (let offset = 4; offset < 16; offset++) {
          const { memory, field } = place(bytes, offset);
          const data = claimBytes(datatype, field);
          assert.deepEqual(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), bytes);
          assert.deepEqual([...memory.subarray(offset + bytes.length)], new Array(8).fill(0xee));
          // What is before its own tag and length is another field's.
          assert.deepEqual([...memory.subarray(0, offset - 4)], new Array(offset - 4).fill(0xee));
        }
      }
    });
  }

  it("makes no new memory for long fields of elements up to four bytes", () => {
    const { memory, field } = place(new Uint8Array(1 << 16), 9);
    assert.equal(claimBytes("FP32", field).buffer, memory.buffer);
  });
});
