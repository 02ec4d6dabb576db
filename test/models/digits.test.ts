import assert from "node:assert/strict";
import sharp from "sharp";
import { PredictRequest } from "../../generated/ts/acme/digits/v1/digits_service.js";
import transform from "../../models/digits/transform.js";
import { TransformError } from "../../src/contract/transform.js";
import { assertClose, assertOutputsClose } from "./closeness.js";
import { DirectModel } from "./onnx-run.js";
import { runInPython } from "./python-run.js";
import { sampleBytes, sampleJson } from "./sample.js";
import { answer, typedTensors } from "./transformed.js";

interface Expected {
  readonly file: string;
  readonly digit: number;
  readonly tensor: readonly number[];
}

const TOLERANCE = 1e-6;
/** Decoders of JPEG differ by a shade; the numbers are rounded to four places. */
const TENSOR_TOLERANCE = 0.02;

describe("acme.digits.v1", () => {
  const expected = sampleJson<Expected[]>("digits", "expected.json");
  const images = expected.map(({ file }) => sampleBytes("digits", file));
  let model: DirectModel;

  before(async () => {
    model = await DirectModel.load("models/digits/r1.onnx");
  });

  for (const [index, { file, digit, tensor }] of expected.entries()) {
    it(`reads ${digit} in ${file}, from the tensor that training would have made of it`, async () => {
      const request = { images: [images[index]!] };
      const { X } = await typedTensors(transform, request);
      assertClose(X!.data as Float32Array, tensor, TENSOR_TOLERANCE);
      const [reading] = (await answer(transform, model, request)).readings;
      assert.equal(reading!.digit, digit);
      assert.ok(reading!.confidence > 0.9, `confidence ${reading!.confidence}`);
      assert.equal(reading!.confidence, reading!.probabilities[digit]);
    });
  }

  it("reads all the samples in one request as it reads them alone", async () => {
    const request = PredictRequest.fromJSON(sampleJson("digits", "request.json"));
    const together = (await answer(transform, model, request)).readings;
    assert.deepEqual(
      together.map(({ digit }) => digit),
      expected.map(({ digit }) => digit),
    );
    for (const [index, image] of images.entries()) {
      const [alone] = (await answer(transform, model, { images: [image] })).readings;
      assertClose(together[index]!.probabilities, alone!.probabilities, TOLERANCE);
    }
  });

  for (const revision of ["r0", "r1"]) {
    it(`${revision} answers as ONNX Runtime in Python does, within ${TOLERANCE}, one picture and a batch`, async () => {
      const served = await DirectModel.load(`models/digits/${revision}.onnx`);
      const requests = [{ images: images.slice(7, 8) }, { images }];
      const runs = await Promise.all(
        requests.map(async (request) => ({
          model: `models/digits/${revision}.onnx`,
          inputs: await typedTensors(transform, request),
        })),
      );
      for (const [index, outputs] of runInPython(runs).entries()) {
        assertOutputsClose(await served.run(runs[index]!.inputs), outputs, TOLERANCE);
      }
    });
  }

  it("r0, the fallback, reads at least nine of the ten samples, under the same contract", async () => {
    const fallback = await DirectModel.load("models/digits/r0.onnx");
    const { readings } = await answer(transform, fallback, { images });
    const right = readings.filter(({ digit }, index) => digit === expected[index]!.digit).length;
    assert.ok(right >= 9, `${right} of ${readings.length}`);
  });

  it("reads the same digit on other paper, in another ink, size and format", async () => {
    const picture = sharp(images[5]!);
    const variants = await Promise.all([
      picture.clone().negate().png().toBuffer(),
      picture.clone().resize(2400, 2000).jpeg().toBuffer(),
      picture.clone().resize(31, 29, { fit: "fill" }).webp({ lossless: true }).toBuffer(),
      picture.clone().extend({ top: 200, left: 10, right: 300, background: "white" }).png().toBuffer(),
      picture.clone().toColourspace("rgb16").png().toBuffer(),
      picture.clone().tint("red").png().toBuffer(),
    ]);
    const { readings } = await answer(transform, model, { images: variants });
    assert.deepEqual(
      readings.map(({ digit }) => digit),
      variants.map(() => 5),
    );
  });

  it("reads its own example, which warms it up", async () => {
    const { readings } = await answer(transform, model, transform.example);
    assert.deepEqual(
      readings.map(({ digit }) => digit),
      [1],
    );
  });

  it("refuses requests without pictures, with too many, and with even ones, naming the field", async () => {
    const blank = await sharp({ create: { width: 20, height: 20, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    await refuses([], /^images: expected 1 to 256 pictures, got 0$/);
    await refuses(new Array(257).fill(images[0]), /^images: expected 1 to 256 pictures, got 257$/);
    await refuses([images[0]!, blank], /^images\[1\]: expected a digit in ink on paper, got an even surface$/);
  });
});

async function refuses(images: Buffer[], message: RegExp): Promise<void> {
  await assert.rejects(
    async () => transform.toTensors({ images }),
    (error: unknown) => {
      assert.ok(error instanceof TransformError, String(error));
      assert.match(error.message, message);
      return true;
    },
  );
}
