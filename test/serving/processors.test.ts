import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { parseQuota, usableProcessors } from "../../src/serving/processors.js";

describe("parseQuota()", () => {
  it("reads what a container may use, as both versions of cgroups say it", () => {
    assert.equal(parseQuota("200000 100000\n"), 2);
    assert.equal(parseQuota("150000 100000"), 1.5);
    assert.equal(parseQuota("50000\n 100000\n"), 0.5);
  });

  it("finds no limit where there is none", () => {
    for (const text of ["max 100000\n", "-1\n 100000\n", "0 100000", "100000 0", "100000", "", " ", "two 100000"])
      assert.equal(parseQuota(text), undefined, JSON.stringify(text));
  });
});

describe("usableProcessors()", () => {
  it("is a whole number, from 1 to what the machine has", () => {
    const processors = usableProcessors();
    assert(Number.isInteger(processors) && processors >= 1 && processors <= availableParallelism());
  });
});
