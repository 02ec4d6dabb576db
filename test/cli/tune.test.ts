import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { RevisionSchema } from "../../src/fleet/schema.js";
import { ROOT } from "../support/contract-fixture.js";
import { removeFleet, writeFleet } from "../support/fleet-process.js";
import { model, scaleModel } from "../support/onnx-builder.js";
import { SCALE } from "../wire/contracts.js";

const softmaxOverRows = model({
  inputs: [{ name: "x", datatype: "FP32", shape: ["batch", 3] }],
  outputs: [{ name: "y", datatype: "FP32", shape: ["batch", 3] }],
  nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"], attributes: { axis: { int: 0 } } }],
});

describe("flotilla tune", () => {
  let folder: string;

  before(() => {
    const revisions = { r1: scaleModel({ factor: 2 }), r2: softmaxOverRows };
    folder = writeFleet({ "test.scale.v1": { body: SCALE, revisions } });
  });
  after(() => removeFleet(folder));

  const tune = (name: string, ...options: string[]) => {
    const command = [path.join(ROOT, "dist/src/bin/flotilla.js"), "tune", name, "--fleet", folder + "/fleet.yaml"];
    return spawnSync(process.execPath, [...command, "--budget", "5ms", ...options], { encoding: "utf8" });
  };

  it("measures every batch with every number of threads, and says what to write into the fleet file", () => {
    const file = path.join(folder, "tuned.yaml");
    const { status, stdout, stderr } = tune(
      "test.scale.v1/r1",
      "--processors",
      "2",
      "--max-rows",
      "4",
      "--write",
      file,
    );
    assert.equal(status, 0, stderr);
    for (const line of [/^1 +1 /m, /^1 +4 /m, /^2 +2 /m, /█/, /for 50 ms: up to \d+ rows\/s/])
      assert.match(stdout, line);
    assert.match(stdout, /with one worker the server makes runs on its own thread/);
    const settings = parse(readFileSync(file, "utf8"));
    assert.equal(settings.workers, 1, "a second worker would make each call of this small model go to a thread");
    assert.equal(settings.threads, 1);
    // What it writes is what a revision takes.
    RevisionSchema.parse({ model: "m.onnx", sha256: "0".repeat(64), ...settings });
  });

  it("does not join calls of a model whose rows depend on one another", () => {
    const report = JSON.parse(tune("test.scale.v1/r2", "--output", "json", "--max-rows", "4").stdout);
    assert.match(report.unbatchable, /depends on the rows beside it/);
    assert.equal(report.recommendation.maxSize, 1);
    assert(report.measurements.every(({ rows }: { rows: number }) => rows === 1));
  });

  it("names the models that there are", () => {
    const { status, stderr } = tune("test.scale.v1/r9");
    assert.equal(status, 1);
    assert.match(
      stderr,
      /there is no "test\.scale\.v1\/r9" in the fleet; there is test\.scale\.v1\/r1, test\.scale\.v1\/r2/,
    );
  });
});
