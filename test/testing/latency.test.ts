import assert from "node:assert/strict";
import { Latencies } from "../../src/testing/latency.js";

function latencies(...values: number[]): Latencies {
  const made = new Latencies();
  for (const value of values) made.record(value);
  return made;
}

describe("Latencies", () => {
  it("keeps three digits at every size", () => {
    for (const value of [0.0123, 1.23, 45.6, 7890]) {
      const error = Math.abs(latencies(value).percentileMs(50) - value);
      assert(error <= Math.max(0.001, value * 0.001), `${value}: off by ${error}`);
    }
  });

  it("tells percentiles, mean, maximum and count", () => {
    const summary = latencies(...Array.from({ length: 100 }, (_, index) => index + 1)).summary();
    assert.equal(summary.count, 100);
    assert.equal(Math.round(summary.percentilesMs["50"]!), 50);
    assert.equal(Math.round(summary.percentilesMs["99"]!), 99);
    assert.equal(Math.round(summary.maxMs), 100);
    assert(Math.abs(summary.meanMs - 50.5) < 0.1);
  });

  it("adds the calls that a waiting caller left out, each with the wait that it would have had", () => {
    const usual = Array.from({ length: 99 }, () => 1);
    const corrected = latencies(...usual, 10).corrected(1);
    // 10, and the nine that were due while it was waited for: 9, 8, … 1.
    assert.equal(corrected.summary().count, 109);
    assert.equal(Math.round(corrected.percentileMs(98)), 8);
  });

  it("takes what is beyond its range as the range's end", () => {
    const summary = latencies(0, 1e9).summary();
    assert.equal(summary.count, 2);
    assert.equal(summary.percentilesMs["50"], 0.001);
  });
});
