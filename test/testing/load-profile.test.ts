import assert from "node:assert/strict";
import {
  dueTimes,
  type LoadStage,
  rampStages,
  soakStages,
  spikeStages,
  steadyStage,
} from "../../src/testing/load-profile.js";
import { seededRandom } from "../../src/testing/seeded-random.js";

const dues = (stages: readonly LoadStage[]) => [...dueTimes(stages, () => 1)];
const between = (times: readonly number[], fromMs: number, toMs: number) =>
  times.filter((due) => due >= fromMs && due < toMs).length;

describe("dueTimes()", () => {
  it("has calls at equal gaps where the rate stays", () => {
    assert.deepEqual(dues([steadyStage("", 100, 45)]), [10, 20, 30, 40]);
  });

  it("brings calls closer together as the rate rises, as many as the rates in between make", () => {
    const times = dues([{ name: "", durationMs: 10_000, fromRate: 10, toRate: 110 }]);
    assert.equal(times.length, 600);
    // From 10 to 60 calls a second, and from 60 to 110.
    assert.equal(between(times, 0, 5001), 175);
    assert.equal(between(times, 5001, 10_001), 425);
    assert(times.every((due, index) => index === 0 || due > times[index - 1]!));
  });

  it("goes on from one stage to the next without a gap or a rush", () => {
    const whole = dues([{ name: "", durationMs: 9000, fromRate: 20, toRate: 200 }]);
    const inSteps = dues(rampStages({ from: 20, to: 200 }, 9000, 9));
    assert.equal(inSteps.length, whole.length);
    for (const [index, due] of inSteps.entries()) assert(Math.abs(due - whole[index]!) < 1e-6, `call ${index}`);
  });

  it("falls as well", () => {
    const times = dues(rampStages({ from: 100, to: 20 }, 5000, 5));
    assert.equal(times.length, 300);
    assert(between(times, 0, 1000) > between(times, 4000, 5000));
  });

  it("keeps to the rate on the whole where gaps are those of strangers", () => {
    const random = seededRandom(7);
    const times = [...dueTimes([steadyStage("", 1000, 60_000)], () => -Math.log(1 - random()))];
    // A Poisson process of 60 000 calls: its standard deviation is 245.
    assert(Math.abs(times.length - 60_000) < 4 * 245, `${times.length} calls`);
    assert(times.every((due) => due > 0 && due <= 60_000));
  });
});

describe("a load profile", () => {
  const rates = (stages: readonly LoadStage[]) =>
    stages.map(({ name, durationMs, fromRate, toRate }) => [name, durationMs, fromRate, toRate]);

  it("ramps in equal steps from the first rate to the last", () => {
    assert.deepEqual(rates(rampStages({ from: 100, to: 400 }, 60_000, 3)), [
      ["1", 20_000, 100, 200],
      ["2", 20_000, 200, 300],
      ["3", 20_000, 300, 400],
    ]);
  });

  it("spikes at once, and is as it was before", () => {
    assert.deepEqual(rates(spikeStages({ from: 10, to: 500 }, 2000, 30_000)), [
      ["before", 30_000, 10, 10],
      ["spike", 2000, 500, 500],
      ["after", 30_000, 10, 10],
    ]);
  });

  it("soaks at one rate, in parts that can be compared", () => {
    assert.deepEqual(rates(soakStages(50, 3_600_000, 2)), [
      ["1", 1_800_000, 50, 50],
      ["2", 1_800_000, 50, 50],
    ]);
  });
});
