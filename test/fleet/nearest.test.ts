import assert from "node:assert/strict";
import { nearest } from "../../src/fleet/nearest.js";

const KEYS = ["name", "namespace", "revisions", "traffic", "shadow", "cohorts", "fallback", "retries", "deadline"];

describe("nearest()", () => {
  const meant: [string, string][] = [
    ["nmae", "name"],
    ["revision", "revisions"],
    ["trafic", "traffic"],
    ["Fallback", "fallback"],
    ["retrys", "retries"],
    ["dead-line", "deadline"],
  ];
  for (const [typed, key] of meant) {
    it(`takes ${typed} for ${key}`, () => assert.equal(nearest(typed, KEYS), key));
  }

  it("has no guess where nothing is near", () => {
    for (const word of ["", "x", "contracts", "kubernetes", "a".repeat(100_000)])
      assert.equal(nearest(word, KEYS), undefined);
  });

  it("does not take one short name for another", () => {
    assert.equal(nearest("main", ["r1", "r2"]), undefined);
    assert.equal(nearest("v9", ["r1"]), undefined);
  });
});
