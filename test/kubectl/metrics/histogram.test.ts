import assert from "node:assert/strict";
import { countAbove, EMPTY_HISTOGRAM, joinHistograms, quantileMs } from "../../../src/kubectl/metrics/histogram.js";

/** 90 times up to 10 ms, 9 up to 100 ms, and one beyond all bounds. */
const TIMES = new Map([
  [0.01, 90],
  [0.1, 99],
  [Number.POSITIVE_INFINITY, 100],
]);

describe("a histogram", () => {
  it("gives quantiles as Prometheus does", () => {
    assert.equal(quantileMs(0.45, TIMES), 5);
    assert.equal(quantileMs(0.99, TIMES), 100);
    // Of what is beyond all bounds nothing is known but the last of them.
    assert.equal(quantileMs(0.999, TIMES), 100);
    assert.equal(quantileMs(0.5, EMPTY_HISTOGRAM), undefined);
  });

  it("counts what is longer than a limit", () => {
    assert.equal(countAbove(10, TIMES), 10);
    assert.equal(countAbove(55, TIMES), 5.5);
    assert.equal(countAbove(500, TIMES), 1);
    assert.equal(countAbove(5, EMPTY_HISTOGRAM), 0);
  });

  it("adds another one up", () => assert.equal(joinHistograms(TIMES, TIMES).get(0.1), 198));
});
