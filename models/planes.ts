import type { Pixels } from "./picture.js";

/** How a colour from 0 to 255 becomes a number for the model: (colour / 255 - mean) / deviation, one a plane. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** A tensor [1, 3, height, width]. */
export interface PlaneTarget {
  readonly data: Float32Array;
  readonly height: number;
  /** A narrower picture lies at the left, and what is right of it stays as it is. */
  readonly width: number;
}

/**
 * Writes a picture into a tensor as three planes: blue, green, red, as models trained with OpenCV want them. The
 * normalisation's figures are in that order too.
 */
export function writePlanes(picture: Pixels, normalisation: Normalisation, target: PlaneTarget): void {
  for (let plane = 0; plane < 3; plane++) {
    const scale = 1 / (255 * normalisation.deviation[plane]!);
    const shift = -normalisation.mean[plane]! / normalisation.deviation[plane]!;
    const channel = 2 - plane;
    for (let y = 0; y < picture.height; y++) {
      let to = (plane * target.height + y) * target.width;
      let from = y * picture.width * 3 + channel;
      for (let x = 0; x < picture.width; x++, from += 3) target.data[to++] = picture.data[from]! * scale + shift;
    }
  }
}
