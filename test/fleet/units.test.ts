import assert from "node:assert/strict";
import { CPU_PATTERN, DURATION_PATTERN, formatMs, SIZE_PATTERN, toBytes, toCpu, toMs } from "../../src/fleet/units.js";

describe("units of a fleet file", () => {
  it("give durations in milliseconds", () => {
    const cases: [string, number][] = [
      ["200ms", 200],
      ["2s", 2000],
      ["1m", 60_000],
      ["0.1s", 100],
      ["1.005s", 1005],
      ["0ms", 0],
    ];
    for (const [text, ms] of cases) {
      assert.match(text, DURATION_PATTERN);
      assert.equal(toMs(text), ms);
    }
    for (const text of ["200", "2 s", "1h", "-1s", "1e3ms", ".5s", "1.s", "s", ""])
      assert.doesNotMatch(text, DURATION_PATTERN);
  });

  it("give sizes in bytes", () => {
    const cases: [string, number][] = [
      ["512Mi", 536_870_912],
      ["1.5Gi", 1_610_612_736],
      ["1k", 1000],
      ["2M", 2_000_000],
    ];
    for (const [text, bytes] of cases) {
      assert.match(text, SIZE_PATTERN);
      assert.equal(toBytes(text), bytes);
    }
    for (const text of ["512", "512mi", "512MB", "1 Gi", "-1Gi"]) assert.doesNotMatch(text, SIZE_PATTERN);
  });

  it("give processors", () => {
    const cases: [string | number, number][] = [
      ["500m", 0.5],
      ["1", 1],
      ["0.25", 0.25],
      [2, 2],
      [1.5, 1.5],
    ];
    for (const [text, cpu] of cases) assert.equal(toCpu(text), cpu);
    for (const text of ["1.5m", "500M", "1 000", "one", "-1"]) assert.doesNotMatch(text, CPU_PATTERN);
  });

  it("write a duration so that it reads back the same", () => {
    for (const [ms, text] of [
      [90_000, "90s"],
      [120_000, "2m"],
      [250, "250ms"],
      [0, "0ms"],
      [1.5, "1.5ms"],
    ] as const) {
      assert.equal(formatMs(ms), text);
      assert.equal(toMs(text), ms);
    }
  });
});
