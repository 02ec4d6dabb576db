import type { PredictRequest, PredictResponse, Reading } from "../../generated/ts/acme/digits/v1/digits_service.js";
import { type Transform, TransformError } from "../../src/contract/transform.js";
import { decodePicture, openPictures, type PictureFile, type PixelSize } from "../picture.js";
import { normaliseInk, SIDE } from "./ink.js";

const DIGITS = 10;
const MAX_IMAGES = 256;

/** No digit needs more pixels in either direction; a photo is shrunk to this. */
const MAX_SIDE = 256;

/** A "1" of 3 by 4 pixels. */
const EXAMPLE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAMAAAAECAAAAABuRtrbAAAAEUlEQVR4nGP4z/CfiYGBAYYBHCQCBROdTswAAAAASUVORK5CYII=",
  "base64",
);

/** Pictures of handwritten digits -> ink, 8 by 8 cells a picture -> which digit, how surely. */
const transform: Transform<PredictRequest, PredictResponse> = {
  signature: {
    inputs: [{ name: "X", datatype: "FP32", shape: [-1, SIDE * SIDE] }],
    outputs: [
      { name: "label", datatype: "INT64", shape: [-1] },
      { name: "probabilities", datatype: "FP32", shape: [-1, DIGITS] },
    ],
  },

  example: { images: [EXAMPLE] },

  async toTensors({ images }) {
    if (images.length === 0 || images.length > MAX_IMAGES) {
      throw new TransformError(`images: expected 1 to ${MAX_IMAGES} pictures, got ${images.length}`);
    }
    const pictures = await openPictures(new Map(images.map((bytes, index) => [`images[${index}]`, bytes])));
    const data = new Float32Array(pictures.length * SIDE * SIDE);
    for (const [row, picture] of pictures.entries()) data.set(await readInk(picture), row * SIDE * SIDE);
    return { X: { shape: [pictures.length, SIDE * SIDE], data } };
  },

  toResponse(outputs) {
    const probabilities = outputs.probabilities!.data as Float32Array;
    const labels = outputs.label!.data as BigInt64Array;
    const readings = Array.from(labels, (label, row): Reading => {
      const row_ = probabilities.subarray(row * DIGITS, (row + 1) * DIGITS);
      return { digit: Number(label), confidence: row_[Number(label)]!, probabilities: Array.from(row_) };
    });
    return { readings };
  },
};

export default transform;

async function readInk(picture: PictureFile): Promise<Float32Array> {
  const ink = normaliseInk(await decodePicture(picture, 1, shrunk(picture)));
  if (!ink) throw new TransformError(`${picture.field}: expected a digit in ink on paper, got an even surface`);
  return ink;
}

function shrunk({ width, height }: PictureFile): PixelSize {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
