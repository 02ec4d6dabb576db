import assert from "node:assert/strict";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { memoryFindings } from "../../src/cli/check-memory.js";
import { openFleet } from "../../src/fleet/load.js";
import { DIGEST, FleetFolder, fleetOf } from "../fleet/sample.js";

const MIB = 2 ** 20;

/** Findings of a fleet of one revision with a model of some size, each with what to write. */
function findings(modelBytes: number, fields: string): string[] {
  const revision = `{ model: models/r1.onnx, sha256: ${DIGEST}, ${fields} }`;
  const folder = new FleetFolder(fleetOf(`name: acme.fraud.v1\nrevisions:\n  r1: ${revision}`));
  try {
    mkdirSync(path.join(folder.root, "models"));
    writeFileSync(path.join(folder.root, "models/r1.onnx"), "");
    truncateSync(path.join(folder.root, "models/r1.onnx"), modelBytes);
    return memoryFindings(openFleet(folder.file), { open: false }).map((one) => {
      return `${one.line}: ${one.path}: ${one.message}; ${one.fix}`;
    });
  } finally {
    folder.remove();
  }
}

describe("memoryFindings()", () => {
  it("finds a pod that its server and model would not fit into, and says what to write", () => {
    assert.deepEqual(findings(400 * MIB, "resources: { memory: 1Gi }"), [
      "8: spec.contracts[0].revisions.r1.resources.memory: 1024Mi is too little for one worker with a model of 400Mi: a server takes 1140Mi before its first call; write memory: 1536Mi",
    ]);
    assert.deepEqual(findings(400 * MIB, "resources: { memory: 1536Mi }"), []);
  });

  it("counts the model once for each worker", () => {
    assert.deepEqual(findings(100 * MIB, "resources: { memory: 512Mi }"), []);
    assert.match(
      findings(100 * MIB, "resources: { memory: 512Mi }, workers: 2").join(),
      /for 2 workers .*write memory: 896Mi/,
    );
  });

  it("finds a pod in which not even a server without a model would start", () => {
    assert.match(findings(1000, "resources: { memory: 100Mi }").join(), /100Mi is too little .* a model of 1Ki/);
  });
});
