import assert from "node:assert/strict";
import { checkObjective, formatMeasured, parseObjective } from "../../src/testing/load-objective.js";
import { steadyStage } from "../../src/testing/load-profile.js";
import { LoadTally } from "../../src/testing/load-tally.js";

interface Part {
  readonly name: string;
  readonly latenciesMs?: readonly number[];
  readonly failed?: number;
  readonly notSent?: number;
}

function tally({ latenciesMs = [], failed = 0, notSent = 0 }: Part): LoadTally {
  const counted = new LoadTally();
  for (const endedMs of latenciesMs) counted.count("OK", { dueMs: 0, sentMs: 0, endedMs });
  for (let index = 0; index < failed; index++) counted.count("UNAVAILABLE", { dueMs: 0, sentMs: 0, endedMs: 1 });
  for (let index = 0; index < notSent; index++) counted.countNotSent();
  return counted;
}

/** A load of stages of ten seconds each. */
function load(...parts: readonly Part[]) {
  const whole = new LoadTally();
  const stages = parts.map((part) => {
    const counted = tally(part);
    whole.add(counted);
    return { ...counted.figures(10, false), stage: steadyStage(part.name, 10, 10_000) };
  });
  return { ...whole.figures(10 * parts.length, false), stages };
}

const check = (text: string, ...parts: readonly Part[]) => {
  const { isKept, missed, value, objective } = checkObjective(parseObjective(text), load(...parts));
  return { isKept, missed, measured: formatMeasured(objective, value) };
};

describe("checkObjective()", () => {
  const fast = { name: "1", latenciesMs: Array.from({ length: 100 }, () => 10) };
  const slow = { name: "2", latenciesMs: [...Array.from({ length: 98 }, () => 10), 80, 80] };

  it("holds each stage to a latency, and says what the worst one came to", () => {
    // To three digits, as histograms count.
    assert.deepEqual(check("p99=100ms", fast, slow), { isKept: true, missed: [], measured: "80.1ms" });
    assert.deepEqual(check("p99=50ms", fast, slow), { isKept: false, missed: ["2"], measured: "80.1ms" });
    assert.equal(check("p50=50ms", fast, slow).isKept, true);
    assert.equal(check("max=50ms", fast, slow).isKept, false);
    assert.equal(check("mean=11ms", fast, slow).isKept, false);
  });

  it("holds the stage that is named alone", () => {
    assert.equal(check("1:p99=50ms", fast, slow).isKept, true);
    assert.deepEqual(check("2:p99=50ms", fast, slow).missed, ["2"]);
  });

  it("counts calls that failed, and those that were due and not made, as errors", () => {
    const failing = { name: "1", latenciesMs: Array.from({ length: 97 }, () => 1), failed: 2, notSent: 1 };
    assert.deepEqual(check("errors=3%", failing), { isKept: true, missed: [], measured: "3 %" });
    assert.equal(check("errors=2.9%", failing).isKept, false);
    assert.equal(check("errors=0", fast).isKept, true);
  });

  it("counts calls that were answered well as rate", () => {
    const failing = { ...fast, failed: 100 };
    assert.deepEqual(check("rate=10", failing), { isKept: true, missed: [], measured: "10 calls/s" });
    assert.equal(check("rate=10.1", failing).isKept, false);
  });

  it("is missed where nothing was measured: it shows nothing", () => {
    assert.deepEqual(check("p99=50ms", { name: "1", failed: 3 }, fast), {
      isKept: false,
      missed: ["1"],
      measured: "nothing was measured",
    });
    assert.equal(check("errors=100%", { name: "1" }).isKept, false);
    assert.equal(check("p99=50ms").isKept, false);
  });
});

describe("a stage in which no call was due", () => {
  it("says nothing beside others, and is missed alone", () => {
    const some = { name: "2", latenciesMs: [10, 10] };
    for (const text of ["errors=0%", "p99=50ms"]) {
      assert.equal(check(text, { name: "1" }, some).isKept, true);
      assert.deepEqual(check(`1:${text}`, { name: "1" }, some).missed, ["1"]);
    }
  });
});

describe("parseObjective()", () => {
  for (const text of [
    "p99",
    "p99=50",
    "p98=50ms",
    "errors=101%",
    "errors=2ms",
    "rate=0",
    "rate=5%",
    "toString=1ms",
    "",
  ]) {
    it(`refuses "${text}", and says what it takes`, () => {
      assert.throws(() => parseObjective(text), /expected p50, .*spike:p99=80ms; got/);
    });
  }
});
