import type { PredictRequest, PredictResponse } from "../../generated/ts/acme/ocr_detector/v1/ocr_detector_service.js";
import type { Transform } from "../../src/contract/transform.js";
import { decodePicture, openPictures, type PixelSize } from "../picture.js";
import { type Normalisation, writePlanes } from "../planes.js";
import { findBoxes } from "./boxes.js";

/** A longer side is shrunk to this. */
const MAX_SIDE = 960;

/** The model halves the picture five times and doubles it again. */
const SIDE_STEP = 32;

const NORMALISATION: Normalisation = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

/** A dark bar of 16 by 8 pixels on white. */
const EXAMPLE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAABAAAAAICAAAAADVHSBLAAAAHUlEQVR42mP8z4AKmBgICbAwMDAicf9jqmAk3VAAA6EDD0UEkicAAAAASUVORK5CYII=",
  "base64",
);

/** A picture -> colours, in a size that the model takes -> boxes around its lines of text. */
const transform: Transform<PredictRequest, PredictResponse> = {
  signature: {
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 3, -1, -1] }],
    outputs: [{ name: "sigmoid_0.tmp_0", datatype: "FP32", shape: [-1, 1, -1, -1] }],
  },

  example: { image: EXAMPLE },

  async toTensors({ image }) {
    const picture = (await openPictures(new Map([["image", image]])))[0]!;
    const { width, height } = modelSize(picture);
    const data = new Float32Array(3 * height * width);
    const pixels = await decodePicture(picture, 3, { width, height });
    writePlanes(pixels, NORMALISATION, { data, height, width });
    return { x: { shape: [1, 3, height, width], data } };
  },

  async toResponse(outputs, { image }) {
    const { shape, data } = outputs["sigmoid_0.tmp_0"]!;
    const [, , height, width] = shape as [number, number, number, number];
    const picture = (await openPictures(new Map([["image", image]])))[0]!;
    const boxes = findBoxes({ width, height, data: data as Float32Array });
    const scaled = boxes.map(({ corners, score }) => ({
      corners: corners.map(({ x, y }) => ({
        x: clamp((x * picture.width) / width, picture.width),
        y: clamp((y * picture.height) / height, picture.height),
      })),
      score,
    }));
    return { boxes: scaled, width: picture.width, height: picture.height };
  },
};

export default transform;

function modelSize({ width, height }: PixelSize): PixelSize {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  const step = (side: number) => Math.max(1, Math.round((side * scale) / SIDE_STEP)) * SIDE_STEP;
  return { width: step(width), height: step(height) };
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, 0), limit);
}
