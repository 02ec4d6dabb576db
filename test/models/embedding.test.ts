import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { PredictRequest, type PredictResponse } from "../../generated/ts/acme/embedding/v1/embedding_service.js";
import type { Tensor } from "../../src/contract/tensor.js";
import { type Transform, TransformError } from "../../src/contract/transform.js";
import { serveModel, submit, values } from "../support/served.js";
import { assertClose, assertOutputsClose } from "./closeness.js";
import { DirectModel } from "./onnx-run.js";
import { runInPython } from "./python-run.js";
import { sampleJson } from "./sample.js";
import { answer, typedTensors } from "./transformed.js";

const MODEL = "models/embedding/r1.onnx";
const TOLERANCE = 1e-5;

describe("acme.embedding.v1", () => {
  const request = PredictRequest.fromJSON(sampleJson("embedding", "request.json"));
  const expected = sampleJson<PredictResponse>("embedding", "expected.json").embeddings;
  let model: DirectModel;
  let transform: Transform<PredictRequest, PredictResponse>;

  before(async () => {
    if (!existsSync(MODEL)) throw new Error(`${MODEL}: not there; run \`make models-python\``);
    model = await DirectModel.load(MODEL);
    transform = (await import("../../models/embedding/transform.js")).default;
  });

  it(`embeds texts as sentence-transformers does, within ${TOLERANCE}, together and alone`, async () => {
    const together = (await answer(transform, model, request)).embeddings;
    for (const [index, text] of request.texts.entries()) {
      assertClose(together[index]!.values, expected[index]!.values, TOLERANCE, text);
      const [alone] = (await answer(transform, model, { texts: [text] })).embeddings;
      assertClose(alone!.values, expected[index]!.values, TOLERANCE, text);
    }
  });

  it(`embeds texts of all lengths that share a run as it embeds each alone, within ${TOLERANCE}`, async () => {
    const rows: number[] = [];
    const served = await serveModel(readFileSync(MODEL), {
      settings: {
        batching: {
          maxRows: request.texts.length,
          maxDelayMs: 60_000,
          padding: { axis: 1, values: { input_ids: 0, attention_mask: 0, token_type_ids: 0 } },
        },
      },
      observer: { onRun: (_, count) => rows.push(count), onWarning: (_, warning) => assert.fail(warning) },
    });
    const works = await Promise.all(request.texts.map((text) => tensorsOf(transform, text)));
    const lengths = new Set(works.map(([ids]) => ids!.shape[1]));
    assert.ok(lengths.size > 2, "the sample's texts are of several lengths");
    const answers = await Promise.all(works.map((inputs) => submit(served, { kind: "tensors", inputs })));
    await served.close();
    assert.deepEqual(rows, [request.texts.length], "one run for all");
    for (const [index, outcome] of answers.entries())
      assertClose(values(outcome), expected[index]!.values, TOLERANCE, request.texts[index]!);
  });

  it("puts texts of one meaning closer together than others", async () => {
    const [ship, vessel, cat] = (await answer(transform, model, request)).embeddings.map(({ values }) => values);
    assert.ok(dot(ship!, vessel!) > 0.6);
    assert.ok(dot(ship!, cat!) < 0.2);
  });

  it(`answers as ONNX Runtime in Python does, within ${TOLERANCE}, one text and a batch`, async () => {
    const requests = [{ texts: request.texts.slice(0, 1) }, request];
    const runs = await Promise.all(
      requests.map(async (request) => ({ model: MODEL, inputs: await typedTensors(transform, request) })),
    );
    for (const [index, outputs] of runInPython(runs).entries()) {
      assertOutputsClose(await model.run(runs[index]!.inputs), outputs, TOLERANCE);
    }
  });

  it("reads 256 tokens of a text, and no more", async () => {
    const { input_ids } = await typedTensors(transform, { texts: ["port ".repeat(5000)] });
    assert.deepEqual(input_ids!.shape, [1, 256]);
    const ids = input_ids!.data as BigInt64Array;
    assert.deepEqual([ids[0], ids[255]], [101n, 102n]);
  });

  it("refuses requests without texts and with too many, naming the field", () => {
    for (const [count, texts] of [
      [0, []],
      [33, new Array<string>(33).fill("a")],
    ] as const) {
      assert.throws(
        () => transform.toTensors({ texts: [...texts] }),
        (error) => error instanceof TransformError && error.message === `texts: expected 1 to 32 texts, got ${count}`,
      );
    }
  });
});

async function tensorsOf(transform: Transform<PredictRequest, PredictResponse>, text: string): Promise<Tensor[]> {
  const tensors = await typedTensors(transform, { texts: [text] });
  return Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor }));
}

function dot(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, value, index) => sum + value * other[index]!, 0);
}
