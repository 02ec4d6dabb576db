import assert from "node:assert/strict";
import { latenciesAlone } from "../../bench/waiting.js";

describe("latenciesAlone()", () => {
  it("has calls wait for those before them, and no longer", () => {
    const latencies = latenciesAlone([2, 7, 2, 2, 2, 2], () => 3);
    // The second holds up three: each of those takes 2 of the 3 until the next.
    assert.deepEqual(latencies, [2, 7, 6, 5, 4, 3]);
    assert.deepEqual(latenciesAlone([7, 2, 2, 2, 2, 2, 2], () => 3).slice(-2), [2, 2]);
  });

  it("draws each gap once", () => {
    const gaps = [1, 10, 1];
    assert.deepEqual(
      latenciesAlone([5, 5, 5], () => gaps.shift()!),
      [5, 9, 5],
    );
  });
});
