import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { readAnalysis } from "../../src/fleet/analysis-file.js";
import { FleetError } from "../../src/fleet/findings.js";

describe("an analysis file", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-analysis-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const read = (text: string) => {
    const file = path.join(folder, "analysis.yaml");
    writeFileSync(file, text);
    return readAnalysis(file);
  };

  it("has units as numbers, and may leave everything out", () => {
    const text = "steps: [1, 50, 100]\ninterval: 2m\npatience: 1h\n".replace("1h", "60m");
    assert.deepEqual(read(text), { steps: [1, 50, 100], interval: 120_000, patience: 3_600_000 });
    assert.deepEqual(read("limits: { errorRate: 0.5, p99: 50ms }\n"), { limits: { errorRate: 0.5, p99: 50 } });
    assert.deepEqual(read("{}\n"), {});
  });

  for (const [what, text, message] of [
    [
      "steps that fall",
      "steps: [5, 1, 100]",
      /analysis.yaml:1:8: steps: expected rising whole per cent, the last one 100/,
    ],
    ["steps that end early", "steps: [5, 50]", /the last one 100/],
    ["a duration without its unit", "interval: 120", /analysis.yaml:1:11: interval: expected a duration above zero/],
    ["a key that is not known", "limits:\n  errors: 1", /analysis.yaml:2:.*errors|limits: .*errors/],
    ["a share beyond all", "limits: { errorRate: 120 }", /limits.errorRate: expected a number above 0, at most 100/],
    ["text that is no YAML", "steps: [1, 2", /analysis.yaml:\d+:\d+/],
  ] as const) {
    it(`is refused for ${what}, with the place`, () => {
      assert.throws(
        () => read(text),
        (error: Error) => {
          assert(error instanceof FleetError);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});
