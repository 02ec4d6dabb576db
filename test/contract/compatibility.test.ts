import assert from "node:assert/strict";
import { compareSignatures } from "../../src/contract/compatibility.js";
import type { Signature, TensorSpec } from "../../src/contract/signature.js";

const X: TensorSpec = { name: "X", datatype: "FP32", shape: [-1, 30] };
const LABEL: TensorSpec = { name: "label", datatype: "INT64", shape: [-1] };
const CONTRACT: Signature = { inputs: [X], outputs: [LABEL] };

function messages(model: Partial<Signature>, contract: Partial<Signature> = {}): string[] {
  const differences = compareSignatures({ ...CONTRACT, ...contract }, { ...CONTRACT, ...model });
  return differences.map((difference) => difference.message);
}

describe("compareSignatures()", () => {
  it("finds no difference between a signature and itself", () => assert.deepEqual(messages({}), []));

  it("names both sides of an input whose shape or datatype differs", () => {
    assert.deepEqual(messages({ inputs: [{ ...X, shape: [-1, 28] }] }), [
      'input "X": contract FP32[-1, 30], model FP32[-1, 28]',
    ]);
    assert.deepEqual(messages({ inputs: [{ ...X, datatype: "FP64" }] }), [
      'input "X": contract FP32[-1, 30], model FP64[-1, 30]',
    ]);
    assert.deepEqual(messages({ inputs: [{ ...X, shape: [-1, 30, 1] }] }), [
      'input "X": contract FP32[-1, 30], model FP32[-1, 30, 1]',
    ]);
  });

  it("lists all differences, inputs first", () => {
    assert.deepEqual(messages({ inputs: [{ ...X, name: "Y" }], outputs: [] }), [
      'input "X": contract FP32[-1, 30], model has none of that name',
      'input "Y": contract has none of that name, model FP32[-1, 30]',
      'output "label": contract INT64[-1], model has none of that name',
    ]);
  });

  it("says what other outputs the model has where one is missing", () => {
    const variable: TensorSpec = { name: "variable", datatype: "FP32", shape: [-1, 1] };
    assert.deepEqual(messages({ outputs: [variable] }), [
      'output "label": contract INT64[-1], model has none of that name, but "variable" FP32[-1, 1]',
    ]);
  });

  it("says which tensor it means", () => {
    const [difference] = compareSignatures(CONTRACT, { ...CONTRACT, outputs: [] });
    assert.equal(difference?.kind, "output");
    assert.equal(difference?.tensor, "label");
  });

  it("takes a model with outputs that the contract leaves out, and tensors in any order", () => {
    const more: TensorSpec = { name: "more", datatype: "FP32", shape: [3] };
    assert.deepEqual(messages({ outputs: [more, LABEL] }), []);
  });

  it("refuses a model with an input that nobody would fill", () => {
    const more: TensorSpec = { name: "more", datatype: "FP32", shape: [3] };
    assert.deepEqual(messages({ inputs: [X, more] }), ['input "more": contract has none of that name, model FP32[3]']);
  });

  it("takes a free dimension of the model for any of the contract, and not the other way round", () => {
    assert.deepEqual(messages({ inputs: [{ ...X, shape: [-1, -1] }] }), []);
    assert.deepEqual(messages({ inputs: [{ ...X, shape: [1, 30] }] }), [
      'input "X": contract FP32[-1, 30], model FP32[1, 30]',
    ]);
  });

  it("takes outputs that are narrower than promised, but not in their rows", () => {
    const scores: TensorSpec = { name: "scores", datatype: "FP32", shape: [-1, -1] };
    assert.deepEqual(messages({ outputs: [{ ...scores, shape: [-1, 10] }] }, { outputs: [scores] }), []);
    assert.deepEqual(messages({ outputs: [{ ...scores, shape: [1, 10] }] }, { outputs: [scores] }), [
      'output "scores": contract FP32[-1, -1], model FP32[1, 10]',
    ]);
  });
});
