import type { Pixels } from "../picture.js";

/** Cells of a normalised digit in each direction. */
export const SIDE = 8;

/** From this share of the strongest ink on, a pixel belongs to the digit. */
const INK = 0.35;

/** Paper whose darkest and lightest spots differ by less than this (of 255) has nothing written on it. */
const LEAST_CONTRAST = 24;

interface Box {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/**
 * A grey picture of one digit as the model wants it: cut to the ink, centred in a square, 8 by 8 cells of ink from 0
 * to 1, row by row. `train.py` does the same to the pictures that the model learns from.
 * @returns undefined where the picture is even: there is nothing on it
 */
export function normaliseInk(picture: Pixels): Float32Array<ArrayBuffer> | undefined {
  const ink = inkOf(picture);
  if (!ink) return undefined;
  const { width, height } = picture;
  const box = boxOf(ink, width, height);
  const side = Math.max(box.bottom - box.top, box.right - box.left);
  const across = coverage((box.left + box.right - side) / 2, side, width);
  const down = coverage((box.top + box.bottom - side) / 2, side, height);

  const cells = new Float32Array(SIDE * SIDE);
  for (let row = 0; row < SIDE; row++) {
    for (let y = down.first[row]!; y < down.end[row]!; y++) {
      const rowShare = down.share[row * height + y]!;
      for (let column = 0; column < SIDE; column++) {
        let sum = 0;
        for (let x = across.first[column]!; x < across.end[column]!; x++) {
          sum += ink[y * width + x]! * across.share[column * width + x]!;
        }
        cells[row * SIDE + column]! += rowShare * sum;
      }
    }
  }
  const strongest = cells.reduce((most, value) => Math.max(most, value), 0);
  return cells.map((value) => value / strongest);
}

/** How far each pixel is from the paper, as a share of the farthest. The paper is the middle shade of the border. */
function inkOf({ width, height, data }: Pixels): Float32Array | undefined {
  const paper = borderMedian(data, width, height);
  let farthest = 0;
  for (const grey of data) farthest = Math.max(farthest, Math.abs(grey - paper));
  if (farthest < LEAST_CONTRAST) return undefined;
  const ink = new Float32Array(data.length);
  for (let index = 0; index < data.length; index++) ink[index] = Math.abs(data[index]! - paper) / farthest;
  return ink;
}

function borderMedian(data: Uint8Array, width: number, height: number): number {
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(data[x]!, data[(height - 1) * width + x]!);
  for (let y = 1; y < height - 1; y++) border.push(data[y * width]!, data[y * width + width - 1]!);
  border.sort((a, b) => a - b);
  return border[Math.floor(border.length / 2)]!;
}

function boxOf(ink: Float32Array, width: number, height: number): Box {
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x]! < INK) continue;
      top = Math.min(top, y);
      bottom = y + 1;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
    }
  }
  return { top, bottom, left, right };
}

/** Which pixels lie in each of the eight cells that begin at `start`, and how much of each pixel does [cells, length]. */
function coverage(start: number, side: number, length: number) {
  const first = new Int32Array(SIDE);
  const end = new Int32Array(SIDE);
  const share = new Float32Array(SIDE * length);
  for (let cell = 0; cell < SIDE; cell++) {
    const from = start + (cell * side) / SIDE;
    const to = start + ((cell + 1) * side) / SIDE;
    first[cell] = Math.max(Math.floor(from), 0);
    end[cell] = Math.min(Math.ceil(to), length);
    for (let pixel = first[cell]!; pixel < end[cell]!; pixel++) {
      share[cell * length + pixel] = Math.min(to, pixel + 1) - Math.max(from, pixel);
    }
  }
  return { first, end, share };
}
