import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  Finding,
  PredictRequest,
  PredictResponse,
  type Sample,
} from "../../generated/ts/acme/tumor/v1/tumor_service.js";
import type { TransformTensor } from "../../src/contract/transform.js";
import { assertClose, assertOutputsClose } from "./closeness.js";
import { DirectModel, type TypedTensor } from "./onnx-run.js";
import { runInPython } from "./python-run.js";
import { sampleJson } from "./sample.js";

const REVISIONS = ["r1", "r2", "r3"] as const;
const COLUMNS = 30;
/** ONNX Runtime's kernels are the same in both; only instruction sets differ between machines. */
const TOLERANCE = 1e-6;

interface Expected extends Record<(typeof REVISIONS)[number], unknown> {
  readonly truth: readonly string[];
}

describe("acme.tumor.v1", () => {
  const samples = PredictRequest.fromJSON(sampleJson("tumor", "request.json")).instances;
  const expected = sampleJson<Expected>("tumor", "expected.json");
  const models = new Map<string, DirectModel>();

  before(async () => {
    for (const revision of REVISIONS) models.set(revision, await DirectModel.load(`models/tumor/${revision}.onnx`));
  });

  for (const revision of REVISIONS) {
    it(`${revision} answers the samples as it did when it was trained, one by one and together`, async () => {
      const { diagnoses } = PredictResponse.fromJSON(expected[revision]);
      const model = models.get(revision)!;
      const alone = await Promise.all(samples.map((sample) => model.run({ X: matrix([sample]) })));
      for (const outputs of [[await model.run({ X: matrix(samples) })], alone]) {
        assert.deepEqual(
          outputs.flatMap(findings),
          diagnoses.map(({ label }) => label),
        );
        const probabilities = diagnoses.map(({ malignantProbability }) => malignantProbability);
        assertClose(outputs.flatMap(malignant), probabilities, TOLERANCE);
      }
    });

    it(`${revision} answers as ONNX Runtime in Python does, within ${TOLERANCE}, one row and a batch`, async () => {
      const runs = [matrix(samples.slice(0, 1)), matrix(samples)].map((X) => ({
        model: `models/tumor/${revision}.onnx`,
        inputs: { X },
      }));
      for (const [index, outputs] of runInPython(runs).entries()) {
        assertOutputsClose(await models.get(revision)!.run(runs[index]!.inputs), outputs, TOLERANCE);
      }
    });
  }

  it("r2 is right about more of the samples than r1, and about at least nine of ten", async () => {
    const [r1, r2] = await Promise.all(
      (["r1", "r2"] as const).map(async (revision) => {
        const found = findings(await models.get(revision)!.run({ X: matrix(samples) }));
        return found.filter((finding, row) => Finding[finding] === expected.truth[row]).length;
      }),
    );
    assert.ok(r2! > r1!, `r2 is right about ${r2}, r1 about ${r1}`);
    assert.ok(r2! >= 9, `r2 is right about ${r2} of ${samples.length}`);
  });

  it("was trained on the columns in the order that the contract gives them", () => {
    const source = readFileSync("proto/acme/tumor/v1/tumor_service.proto", "utf8");
    const fields = [
      ...source.matchAll(/float (\w+) = (\d+) \[\(flotilla\.v1\.column\) = \{\s+tensor: "X"\s+index: (\d+)/g),
    ];
    assert.equal(fields.length, COLUMNS);
    const names = Object.keys(sampleJson<{ instances: object[] }>("tumor", "request.json").instances[0]!);
    for (const [position, [, field, , index]] of fields.entries()) {
      assert.equal(Number(index), position, `column of ${field}`);
      assert.equal(camelCase(field!), names[position], `name of column ${position}`);
    }
  });
});

/** Rows of columns, in the order of the contract's fields. */
function matrix(samples: readonly Sample[]): TypedTensor {
  const data = Float32Array.from(samples.flatMap((sample) => Object.values(sample) as number[]));
  return { datatype: "FP32", shape: [samples.length, COLUMNS], data };
}

function findings(outputs: Record<string, TransformTensor>): Finding[] {
  return Array.from(outputs.label!.data as BigInt64Array, (id) =>
    id === 0n ? Finding.FINDING_MALIGNANT : Finding.FINDING_BENIGN,
  );
}

function malignant(outputs: Record<string, TransformTensor>): number[] {
  const { data, shape } = outputs.probabilities!;
  return Array.from({ length: shape[0]! }, (_, row) => (data as Float32Array)[row * 2]!);
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
