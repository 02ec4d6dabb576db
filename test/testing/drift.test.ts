import assert from "node:assert/strict";
import fc from "fast-check";
import { categoricalDrift, kolmogorovSmirnov, numericDrift, quantile } from "../../src/testing/drift.js";

/** Evenly spread from `low` to `high`. */
function spread(count: number, low: number, high: number): number[] {
  return Array.from({ length: count }, (_, index) => low + ((high - low) * (index + 0.5)) / count);
}

describe("numericDrift()", () => {
  it("is nothing between a sample and itself", () => {
    const values = spread(1000, 0, 1);
    assert.deepEqual(numericDrift(values, values), { psi: 0, ks: 0 });
  });

  it("is what the formulas say of a shift by half of the range", () => {
    const { psi, ks } = numericDrift(spread(1000, 0, 1), spread(1000, 0.5, 1.5));
    // Ten bins of a tenth each: five lose all (held at 0.0001), four keep theirs, and the last one gets five more.
    const lost = 5 * ((1e-4 - 0.1) * Math.log(1e-4 / 0.1));
    const gained = (0.6 - 0.1) * Math.log(0.6 / 0.1);
    assert(Math.abs(psi - (lost + gained)) < 1e-9, String(psi));
    assert(Math.abs(ks! - 0.5) < 0.002, String(ks));
  });

  it("is small for two samples of one distribution, and large for another mean", () => {
    const normal = (count: number, seed: number, mean: number) =>
      fc
        .sample(fc.tuple(fc.double({ min: 1e-9, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })), {
          numRuns: count,
          seed,
        })
        .map(([a, b], index) => mean + Math.sin(index * 12.9898) + Math.cos(index * 78.233 + a + b));
    assert(numericDrift(normal(2000, 1, 0), normal(2000, 2, 0)).psi < 0.1);
    assert(numericDrift(normal(2000, 1, 0), normal(2000, 2, 1)).psi > 0.25);
  });

  it("sees values that turn into NaN", () => {
    const { psi } = numericDrift(spread(100, 0, 1), [...spread(50, 0, 1), ...new Array(50).fill(Number.NaN)]);
    assert(psi > 0.25, String(psi));
  });

  it("is finite and not negative whatever the samples are", () => {
    const sample = fc.array(fc.double(), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(sample, sample, (one, other) => {
        const { psi, ks } = numericDrift(one, other);
        assert(psi >= 0 && Number.isFinite(psi) && ks! >= 0 && ks! <= 1, `${psi} ${ks}`);
      }),
    );
  });
});

describe("kolmogorovSmirnov()", () => {
  it("is the largest distance of the two distributions, in either order, whatever is tied", () => {
    assert.equal(kolmogorovSmirnov([1, 2, 3, 4], [1, 2, 3, 4]), 0);
    assert.equal(kolmogorovSmirnov([1, 1, 1, 1], [2, 2]), 1);
    assert.equal(kolmogorovSmirnov([1, 2, 3, 4], [3, 4, 5, 6]), 0.5);
    assert.equal(kolmogorovSmirnov([3, 4, 5, 6], [4, 1, 3, 2]), 0.5);
    assert.equal(kolmogorovSmirnov([1, 1, 2], [1, 2, 2]), 1 / 3);
  });
});

describe("categoricalDrift()", () => {
  it("is what the formula says", () => {
    const before = ["a", "a", "a", "b"];
    const after = ["a", "b", "b", "b"];
    assert(Math.abs(categoricalDrift(before, after).psi - 2 * 0.5 * Math.log(3)) < 1e-12);
    assert.equal(categoricalDrift(before, before).psi, 0);
  });

  it("counts a category that is new", () => {
    assert(categoricalDrift(["a", "a"], ["a", "c"]).psi > 1);
  });
});

describe("quantile()", () => {
  it("is the value below which that share lies, and the last one for all", () => {
    const values = spread(100, 0, 100);
    assert.deepEqual([quantile(values, 0), quantile(values, 0.5), quantile(values, 1)], [0.5, 50.5, 99.5]);
    assert(Number.isNaN(quantile([], 0.5)));
  });
});
