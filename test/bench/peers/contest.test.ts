import assert from "node:assert/strict";
import { checkAnswer } from "../../../bench/peers/contest.js";

describe("checkAnswer()", () => {
  const expected = Float32Array.of(0.25, -4);

  it("takes values that differ by the kernels' rounding", () => {
    checkAnswer(Float32Array.of(0.2501, -4.0001), expected);
  });

  it("takes outputs before the last one", () => {
    checkAnswer(Float32Array.of(7, 0.25, -4), expected);
  });

  for (const [what, got, message] of [
    ["another value", Float32Array.of(0.25, -4.1), /-4\.09\d+ as value 1 .* Flotilla answers -4$/],
    ["what is no number", Float32Array.of(Number.NaN, -4), /NaN as value 0/],
    ["fewer values", Float32Array.of(-4), /1 values where Flotilla answers 2/],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => checkAnswer(got, expected), message);
    });
  }
});
