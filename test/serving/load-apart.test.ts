import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadApart } from "../../src/serving/load-apart.js";
import { foundFiles } from "../fuzz/fuzz.js";
import { NATIVE_TARGET } from "../fuzz/native.js";
import { scaleModel, unsupportedOperatorModel } from "../support/onnx-builder.js";

describe("loadApart()", () => {
  const fatal = foundFiles(NATIVE_TARGET);
  let folder: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-apart-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function fileOf(name: string, bytes: Uint8Array) {
    const modelPath = path.join(folder, name);
    writeFileSync(modelPath, bytes);
    return { modelPath, modelRoot: folder, sha256: undefined };
  }

  it("outlives each model that was found to end ONNX Runtime's process, and says which ones they are", async () => {
    assert(fatal.length > 0);
    const files = fatal.map((file, index) => fileOf(`found-${index}.onnx`, readFileSync(file)));
    const problems = await loadApart(files);
    assert.deepEqual(
      [...problems.keys()],
      files.map(({ modelPath }) => modelPath),
    );
  });

  it("says why, and tries those before and behind it", async () => {
    const good = fileOf("good.onnx", scaleModel({ factor: 2 }));
    const refused = fileOf("refused.onnx", unsupportedOperatorModel());
    const bad = fileOf("bad.onnx", readFileSync(fatal[0]!));
    const again = fileOf("again.onnx", readFileSync(fatal[0]!));
    const problems = await loadApart([good, bad, refused, good, again]);
    assert.deepEqual([...problems.keys()], [bad.modelPath, again.modelPath]);
    const { name, message } = problems.get(bad.modelPath)!;
    assert.equal(name, "ModelError");
    assert.match(message, /bad\.onnx: ONNX Runtime ends its process while it loads it, by \w+.*export it anew/);
  });

  it("has nothing to say of models that load, or that are refused, or of none at all", async () => {
    const missing = { modelPath: path.join(folder, "nowhere.onnx"), modelRoot: folder, sha256: undefined };
    assert.equal((await loadApart([fileOf("good.onnx", scaleModel({ factor: 2 })), missing])).size, 0);
    assert.equal((await loadApart([])).size, 0);
  });
});
