import sharp from "sharp";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The picture of one line, as a PNG file. */
export type CutLine = (corners: readonly Point[]) => Promise<Buffer>;

/** Pixels of a picture, upright. */
export interface Page {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** Decodes a picture once, for all of its lines. */
export async function openPage(image: Uint8Array): Promise<Page> {
  const { data, info } = await sharp(image)
    .autoOrient()
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** The upright rectangle around a line's corners. */
export function cutUpright(page: Page, corners: readonly Point[]): Promise<Buffer> {
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const left = clamp(Math.floor(Math.min(...xs)), page.width - 1);
  const top = clamp(Math.floor(Math.min(...ys)), page.height - 1);
  const width = Math.max(1, Math.min(page.width, Math.ceil(Math.max(...xs))) - left);
  const height = Math.max(1, Math.min(page.height, Math.ceil(Math.max(...ys))) - top);
  return pixelsOf(page).extract({ left, top, width, height }).png({ compressionLevel: 1 }).toBuffer();
}

/** The line itself, turned so that it runs from left to right. */
export async function cutTurned(page: Page, corners: readonly Point[]): Promise<Buffer> {
  const [topLeft, topRight, , bottomLeft] = corners as [Point, Point, Point, Point];
  const width = Math.max(1, Math.round(distance(topLeft, topRight)));
  const height = Math.max(1, Math.round(distance(topLeft, bottomLeft)));
  const [across, down] = [step(topLeft, topRight, width), step(topLeft, bottomLeft, height)];
  const data = Buffer.alloc(3 * width * height);
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to += 3) {
      const x = topLeft.x + (column + 0.5) * across.x + (row + 0.5) * down.x - 0.5;
      const y = topLeft.y + (column + 0.5) * across.y + (row + 0.5) * down.y - 0.5;
      sample(page, { x, y }, data, to);
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** Writes the colour between the four pixels around a point; beyond the edge that of the edge. */
function sample({ data, width, height }: Page, point: Point, target: Buffer, to: number): void {
  const x = Math.min(Math.max(point.x, 0), width - 1);
  const y = Math.min(Math.max(point.y, 0), height - 1);
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, bottom] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
  const [u, v] = [x - left, y - top];
  for (let channel = 0; channel < 3; channel++) {
    const at = (column: number, row: number) => data[3 * (row * width + column) + channel]!;
    const upper = at(left, top) * (1 - u) + at(right, top) * u;
    const lower = at(left, bottom) * (1 - u) + at(right, bottom) * u;
    target[to + channel] = Math.round(upper * (1 - v) + lower * v);
  }
}

function pixelsOf({ data, width, height }: Page) {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function step(from: Point, to: Point, count: number): Point {
  return { x: (to.x - from.x) / count, y: (to.y - from.y) / count };
}

function distance(from: Point, to: Point): number {
  return Math.hypot(to.x - from.x, to.y - from.y);
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
