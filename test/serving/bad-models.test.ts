import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { WorkerSettings } from "../../src/serving/messages.js";
import { bfloat16Model, externalDataModel, scaleModel, unsupportedOperatorModel } from "../support/onnx-builder.js";
import { serveModel, writeModel } from "../support/served.js";

const GOOD = scaleModel({ factor: 2 });

/** Serves what can't be served; returns the problem it names. */
async function problem(bytes: Uint8Array, worker: Partial<WorkerSettings> = {}): Promise<string> {
  const model = await serveModel(bytes, { worker });
  await model.close();
  assert.equal(model.state, "FAILED");
  return model.problem!;
}

describe("a model that can't be served", () => {
  it("is named with the reason: truncated", async () => {
    assert.match(await problem(GOOD.subarray(0, GOOD.length - 20)), /model\.onnx: .*(truncated|ends|damaged)/i);
  });

  it("is named with the reason: no ONNX at all", async () => {
    assert.match(await problem(Buffer.from("<!DOCTYPE html><p>404 not found")), /model\.onnx: .*(ONNX|not a model)/);
  });

  it("is named with the reason: an empty file", async () => {
    assert.match(await problem(new Uint8Array(0)), /model\.onnx: .*(empty|ONNX)/);
  });

  it("is named with the reason: an operator that ONNX Runtime does not have", async () => {
    assert.match(await problem(unsupportedOperatorModel()), /ONNX Runtime can't load it: .*(not a registered|domain)/s);
  });

  it("is named with the reason: a datatype that can't be served", async () => {
    assert.match(await problem(bfloat16Model()), /bfloat16/i);
  });

  it("is named with the reason: another digest than the fleet file's", async () => {
    const sha256 = "0".repeat(64);
    assert.match(await problem(GOOD, { sha256 }), /its sha256 is [0-9a-f]{64}, expected 0{64}/);
  });

  it("is named with the reason: no such file", async () => {
    assert.match(
      await problem(GOOD, { modelPath: path.join(tmpdir(), "nowhere.onnx"), modelRoot: tmpdir() }),
      /nowhere\.onnx does not exist/,
    );
  });

  it("is named with the reason: external data outside of its folder", async () => {
    const outside = path.join(tmpdir(), `flotilla-weights-${process.pid}.bin`);
    writeFileSync(outside, new Uint8Array(64));
    try {
      assert.match(
        await problem(externalDataModel(`../${path.basename(outside)}`)),
        /external data "\.\..*" lies outside of the model's folder/,
      );
      assert.match(await problem(externalDataModel(outside)), /external data ".*" lies outside of the model's folder/);
      assert.match(await problem(externalDataModel("missing.bin")), /external data "missing\.bin" does not exist/);
    } finally {
      rmSync(outside);
    }
  });

  it("is named with the reason: a link that leads out of the fleet's folder", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "flotilla-link-"));
    const modelPath = path.join(folder, "model.onnx");
    symlinkSync(writeModel(GOOD), modelPath);
    assert.match(await problem(GOOD, { modelPath, modelRoot: folder }), /model\.onnx leads to .*, outside of/);
  });

  it("is named with the exact difference: another signature than the contract's", async () => {
    const signature = {
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1, 3] }],
    } as const;
    assert.match(
      await problem(GOOD, { signature }),
      /does not fit the contract:\n {2}input "x": contract FP32\[-1, 4\], model FP32\[-1, 3\]/,
    );
  });
});
