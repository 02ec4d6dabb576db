import assert from "node:assert/strict";
import { Tokenizer } from "@huggingface/tokenizers";
import { PredictRequest } from "../../generated/ts/acme/language/v1/language_service.js";
import transform from "../../models/language/transform.js";
import { TransformError } from "../../src/contract/transform.js";
import { assertClose, assertOutputsClose } from "./closeness.js";
import { DirectModel } from "./onnx-run.js";
import { runInPython } from "./python-run.js";
import { sampleJson } from "./sample.js";
import { answer, typedTensors } from "./transformed.js";

interface Expected {
  readonly truth: string;
  readonly language: string;
  readonly confidence: number;
  readonly ids: readonly number[];
}

const TOLERANCE = 1e-5;
/** What models/language/quality.json says of the everyday sentences. */
const ACCURACY = 0.963;

describe("acme.language.v1", () => {
  const { texts } = PredictRequest.fromJSON(sampleJson("language", "request.json"));
  const expected = sampleJson<Expected[]>("language", "expected.json");
  let model: DirectModel;

  before(async () => {
    model = await DirectModel.load("models/language/r1.onnx");
  });

  it("cuts texts of 45 languages into the tokens that Python's tokenizer cuts them into", async () => {
    for (const [index, text] of texts.entries()) {
      const { ids, mask } = await typedTensors(transform, { texts: [text] });
      assert.deepEqual(Array.from(ids!.data as BigInt64Array, Number), expected[index]!.ids, text);
      assert.ok((mask!.data as Float32Array).every((value) => value === 1));
    }
  });

  it("tells the language of everyday sentences as often as was measured in training", async () => {
    const { identifications } = await answer(transform, model, { texts });
    const right = identifications.filter(({ language }, index) => language === expected[index]!.truth).length;
    assert.equal(Number((right / texts.length).toFixed(3)), ACCURACY);
    assert.deepEqual(
      identifications.map(({ language }) => language),
      expected.map(({ language }) => language),
    );
    const confidences = identifications.map(({ confidence }) => confidence);
    assertClose(
      confidences,
      expected.map(({ confidence }) => confidence),
      TOLERANCE,
    );
  });

  it("answers a text alone as it answers it among others, longer and shorter", async () => {
    const together = (await answer(transform, model, { texts })).identifications;
    for (const index of [0, 40, 90, 134]) {
      const [alone] = (await answer(transform, model, { texts: [texts[index]!] })).identifications;
      assert.equal(alone!.language, together[index]!.language);
      assertClose([alone!.confidence], [together[index]!.confidence], TOLERANCE);
    }
  });

  it(`answers as ONNX Runtime in Python does, within ${TOLERANCE}, one text and a batch`, async () => {
    const requests = [{ texts: texts.slice(0, 1) }, { texts }];
    const runs = await Promise.all(
      requests.map(async (request) => ({
        model: "models/language/r1.onnx",
        inputs: await typedTensors(transform, request),
      })),
    );
    for (const [index, outputs] of runInPython(runs).entries()) {
      assertOutputsClose(await model.run(runs[index]!.inputs), outputs, TOLERANCE);
    }
  });

  it("gives three candidates, likeliest first, with their names", async () => {
    const [found] = (await answer(transform, model, { texts: ["Hvor er den nærmeste togstasjonen?"] })).identifications;
    const [first, second, third] = found!.candidates;
    assert.equal(found!.candidates.length, 3);
    assert.equal(first!.language, found!.language);
    assert.equal(first!.probability, found!.confidence);
    assert.ok(first!.probability >= second!.probability && second!.probability >= third!.probability);
    assert.ok(found!.candidates.some(({ language, name }) => language === "nb" && name === "Norwegian Bokmål"));
  });

  it('answers "und" where a text holds nothing to tell by, and still answers its neighbours', async () => {
    const { identifications } = await answer(transform, model, { texts: ["", "2024 - 17:30 !", "ⴰⵎⴰⵣⵉⵖ", texts[30]!] });
    assert.deepEqual(
      identifications.slice(0, 3),
      new Array(3).fill({ language: "und", confidence: 0, candidates: [] }),
    );
    assert.equal(identifications[3]!.language, expected[30]!.language);
  });

  it("reads 2000 characters of a text, and no more", async () => {
    const long = "Guten Abend ".repeat(1000);
    const { ids } = await typedTensors(transform, { texts: [long] });
    const whole = await typedTensors(transform, { texts: [long.slice(0, 2000)] });
    assert.deepEqual(ids, whole.ids);
  });

  it("refuses requests without texts and with too many, naming the field", () => {
    const refusal = (message: string) => (error: unknown) => {
      return error instanceof TransformError && error.message === message;
    };
    assert.throws(() => transform.toTensors({ texts: [] }), refusal("texts: expected 1 to 256 texts, got 0"));
    const many = new Array<string>(257).fill("a");
    assert.throws(() => transform.toTensors({ texts: many }), refusal("texts: expected 1 to 256 texts, got 257"));
  });

  it("has a tokenizer of the library's own format", () => {
    const tokenizer = new Tokenizer(sampleJson("language", "../tokenizer.json"), {});
    assert.equal(tokenizer.get_vocab().size, 5000);
  });
});
