import assert from "node:assert/strict";
import { FleetError, fileFinding, formatFinding, formatPath } from "../../src/fleet/findings.js";

describe("findings", () => {
  it("read as compilers write theirs: place, path, what is wrong, what to write", () => {
    const finding = { file: "fleet.yaml", line: 12, column: 9, path: "spec.contracts[0].traffic" };
    assert.equal(
      formatFinding({ ...finding, message: "adds up to 90, expected 100", fix: "give r2 20 instead of 10" }),
      "fleet.yaml:12:9: spec.contracts[0].traffic: adds up to 90, expected 100; give r2 20 instead of 10",
    );
    assert.equal(formatFinding(fileFinding("fleet.yaml", "no such file")), "fleet.yaml: no such file");
  });

  it("quote a key that is no plain word", () => {
    assert.equal(
      formatPath(["spec", "contracts", 0, "revisions", "1.10", "x y", "\n"]),
      'spec.contracts[0].revisions["1.10"]["x y"]["\\n"]',
    );
  });

  it("are counted beyond the hundredth", () => {
    const findings = Array.from({ length: 120 }, (_, at) => fileFinding("f", `finding ${at}`));
    const lines = new FleetError(findings).message.split("\n");
    assert.equal(lines.length, 101);
    assert.equal(lines.at(-1), "and 20 more");
  });
});
