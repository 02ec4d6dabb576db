import assert from "node:assert/strict";
import { createFileRegistry, fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { compareMessages } from "../../src/testing/compare-messages.js";
import { type Tolerance, toTolerances } from "../../src/testing/tolerance.js";
import { compileProto } from "../support/contract-fixture.js";

const PROTO = `syntax = "proto3";
package test.answer.v1;
message Answer {
  repeated Diagnosis diagnoses = 1;
  float score = 2;
  double exact_score = 3;
  int32 count = 4;
  int64 big = 5;
  string text = 6;
  bytes blob = 7;
  bool good = 8;
  optional float maybe = 9;
  map<string, double> weights = 10;
  oneof choice { string name = 11; Diagnosis diagnosis = 12; }
  repeated float values = 13;
}
message Diagnosis { Finding label = 1; float malignant_probability = 2; }
enum Finding { FINDING_UNSPECIFIED = 0; FINDING_BENIGN = 1; FINDING_MALIGNANT = 2; }`;

describe("compareMessages()", () => {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, compileProto("test.answer.v1", PROTO)));
  const schema = registry.getMessage("test.answer.v1.Answer")!;

  function compare(expected: JsonValue, got: JsonValue, tolerances: Record<string, Tolerance> = {}) {
    const pair = [fromJson(schema, expected), fromJson(schema, got)] as const;
    return compareMessages(schema, pair, toTolerances(schema, tolerances));
  }
  const paths = (expected: JsonValue, got: JsonValue, tolerances?: Record<string, Tolerance>) =>
    compare(expected, got, tolerances).disagreements.map(({ path }) => path);

  it("says which value of which record differs, by how much, and how much was allowed", () => {
    const one = { diagnoses: [{ malignantProbability: 0.5 }, { malignantProbability: 0.25 }] };
    const other = { diagnoses: [{ malignantProbability: 0.5 }, { malignantProbability: 0.75 }] };
    assert.deepEqual(compare(one, other, { "diagnoses.malignantProbability": { absolute: 0.25 } }).disagreements, [
      {
        field: "diagnoses.malignant_probability",
        path: "diagnoses[1].malignant_probability",
        expected: 0.25,
        got: 0.75,
        difference: 0.5,
        allowed: 0.25,
      },
    ]);
  });

  it("counts the values that it looked at, by field", () => {
    const { compared } = compare(
      { diagnoses: [{}, {}], values: [1, 2, 3] },
      { diagnoses: [{}, {}], values: [1, 2, 3] },
    );
    assert.equal(compared.get("diagnoses.label"), 2);
    assert.equal(compared.get("values"), 3);
    assert.equal(compared.get("maybe"), undefined);
  });

  it("lets floats be off by the last digits, and nothing else", () => {
    assert.deepEqual(paths({ score: 0.5, exactScore: 100 }, { score: 0.500001, exactScore: 100.001 }), []);
    assert.deepEqual(paths({ score: 0.5, exactScore: 100 }, { score: 0.501, exactScore: 100.1 }), [
      "score",
      "exact_score",
    ]);
    assert.deepEqual(
      paths({ count: 1, text: "a", blob: "AA==", good: true }, { count: 2, text: "b", blob: "AQ==", good: false }),
      ["count", "text", "blob", "good"],
    );
  });

  it("tells integers apart that are the same as a double", () => {
    const [found] = compare({ big: "9007199254740992" }, { big: "9007199254740993" }).disagreements;
    assert.deepEqual([found!.difference, found!.expected], [1, "9007199254740992"]);
    assert.deepEqual(paths({ big: "9007199254740992" }, { big: "9007199254740993" }, { big: { absolute: 1 } }), []);
  });

  it("takes NaN for NaN, and an infinity for itself alone", () => {
    assert.deepEqual(paths({ values: ["NaN", "Infinity"] }, { values: ["NaN", "Infinity"] }), []);
    assert.deepEqual(
      paths(
        { values: ["NaN", "Infinity", 1, 1] },
        { values: [0, "-Infinity", "NaN", "Infinity"] },
        { values: { absolute: 1e9, relative: 10 } },
      ),
      ["values[0]", "values[1]", "values[2]", "values[3]"],
    );
    assert.deepEqual(paths({ score: 0 }, { score: -0 }), []);
  });

  it("shows enums by name", () => {
    const [found] = compare(
      { diagnoses: [{ label: "FINDING_BENIGN" }] },
      { diagnoses: [{ label: "FINDING_MALIGNANT" }] },
    ).disagreements;
    assert.deepEqual([found!.expected, found!.got], ["FINDING_BENIGN", "FINDING_MALIGNANT"]);
  });

  it("tells an absent field from a zero where the contract does", () => {
    assert.deepEqual(paths({}, { maybe: 0 }), ["maybe"]);
    assert.deepEqual(paths({ score: 0 }, {}), []);
    assert.deepEqual(paths({ name: "" }, { diagnosis: {} }), ["name", "diagnosis"]);
  });

  it("says that lists have other lengths, once, and compares what both have", () => {
    const found = compare({ values: [1, 2, 3] }, { values: [1, 5] }).disagreements;
    assert.deepEqual(
      found.map(({ path, expected, got }) => [path, expected, got]),
      [
        ["values", "3 elements", "2 elements"],
        ["values[1]", 2, 5],
      ],
    );
  });

  it("compares maps by key", () => {
    assert.deepEqual(paths({ weights: { a: 1, b: 2 } }, { weights: { b: 3, c: 4 } }), [
      'weights["a"]',
      'weights["b"]',
      'weights["c"]',
    ]);
  });

  it("does not look at what is to be ignored, a list's length included", () => {
    assert.deepEqual(paths({ diagnoses: [{}], score: 1 }, { score: 2 }, { diagnoses: { ignore: true } }), ["score"]);
  });

  it("takes the tolerance of the message around a field, and the field's own before it", () => {
    const [one, other] = [{ diagnosis: { malignantProbability: 0.5 } }, { diagnosis: { malignantProbability: 0.6 } }];
    assert.deepEqual(paths(one, other, { diagnosis: { absolute: 0.2 } }), []);
    const own = { diagnosis: { absolute: 0.2 }, "diagnosis.malignant_probability": { absolute: 0.01 } };
    assert.deepEqual(paths(one, other, own), ["diagnosis.malignant_probability"]);
  });

  it("refuses a tolerance for a field that there is not, and lists those there are", () => {
    assert.throws(
      () => toTolerances(schema, { "diagnoses.probability": { absolute: 1 } }),
      /test\.answer\.v1\.Diagnosis has no field "probability".*label, malignant_probability/,
    );
    assert.throws(() => toTolerances(schema, { "score.value": { absolute: 1 } }), /no field "value"/);
  });
});
