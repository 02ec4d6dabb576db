import type { TextBox } from "../../generated/ts/acme/ocr_detector/v1/ocr_detector_service.js";
import { type Point, type Rectangle, smallestRectangle } from "./rectangle.js";

/** The model's answer: how likely each pixel is part of a line of text, row by row. */
export interface ProbabilityMap {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

// The figures that PaddleOCR uses with this model.
const PIXEL_THRESHOLD = 0.3;
const SCORE_THRESHOLD = 0.6;
const SHORTEST_SIDE = 3;
/** The model marks the middle of a line: a box grows outwards by this times its area over its outline. */
const GROWTH = 1.5;

/** More boxes than any page has lines. */
const MAX_BOXES = 1000;

/** Boxes around the lines of text, in the pixels of the map, in reading order. */
export function findBoxes(map: ProbabilityMap): TextBox[] {
  const boxes: TextBox[] = [];
  for (const outline of components(map)) {
    const rectangle = smallestRectangle(outline);
    if (Math.min(rectangle.width, rectangle.height) < SHORTEST_SIDE) continue;
    const score = meanInside(map, rectangle);
    if (score < SCORE_THRESHOLD) continue;
    boxes.push({ corners: clockwise(grow(rectangle)), score });
    if (boxes.length === MAX_BOXES) break;
  }
  return inReadingOrder(boxes);
}

/**
 * Patches of likely pixels, those that touch at a corner included: of each row of a patch the first and the last
 * pixel, which is all that the rectangle around it depends on.
 */
function* components({ width, height, data }: ProbabilityMap): Generator<Point[]> {
  const seen = new Uint8Array(data.length);
  const stack = new Int32Array(data.length);
  const first = new Int32Array(height);
  const last = new Int32Array(height);
  for (let start = 0; start < data.length; start++) {
    if (seen[start] || data[start]! <= PIXEL_THRESHOLD) continue;
    const top = Math.floor(start / width);
    let bottom = top;
    let depth = 0;
    seen[start] = 1;
    stack[depth++] = start;
    first.fill(width, top);
    last.fill(-1, top);
    while (depth > 0) {
      const pixel = stack[--depth]!;
      const y = Math.floor(pixel / width);
      const x = pixel - y * width;
      bottom = Math.max(bottom, y);
      if (x < first[y]!) first[y] = x;
      if (x > last[y]!) last[y] = x;
      for (let nextY = Math.max(y - 1, 0); nextY <= Math.min(y + 1, height - 1); nextY++) {
        for (let nextX = Math.max(x - 1, 0); nextX <= Math.min(x + 1, width - 1); nextX++) {
          const next = nextY * width + nextX;
          if (seen[next] || data[next]! <= PIXEL_THRESHOLD) continue;
          seen[next] = 1;
          stack[depth++] = next;
        }
      }
    }
    const outline: Point[] = [];
    for (let y = top; y <= bottom; y++) outline.push({ x: first[y]!, y }, { x: last[y]!, y });
    yield outline;
  }
}

/** Mean probability of the pixels whose centres lie in the rectangle. */
function meanInside({ width, height, data }: ProbabilityMap, rectangle: Rectangle): number {
  const { centre, along } = rectangle;
  const reachX = (Math.abs(along.x) * rectangle.width + Math.abs(along.y) * rectangle.height) / 2;
  const reachY = (Math.abs(along.y) * rectangle.width + Math.abs(along.x) * rectangle.height) / 2;
  let sum = 0;
  let count = 0;
  for (
    let y = Math.max(0, Math.floor(centre.y - reachY));
    y <= Math.min(height - 1, Math.ceil(centre.y + reachY));
    y++
  ) {
    for (
      let x = Math.max(0, Math.floor(centre.x - reachX));
      x <= Math.min(width - 1, Math.ceil(centre.x + reachX));
      x++
    ) {
      const [dx, dy] = [x - centre.x, y - centre.y];
      if (Math.abs(dx * along.x + dy * along.y) > rectangle.width / 2) continue;
      if (Math.abs(dy * along.x - dx * along.y) > rectangle.height / 2) continue;
      sum += data[y * width + x]!;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}

function grow(rectangle: Rectangle): Rectangle {
  const { width, height } = rectangle;
  const distance = (width * height * GROWTH) / (2 * (width + height));
  return { ...rectangle, width: width + 2 * distance, height: height + 2 * distance };
}

/** Corners from the top left one on. Left are the two with the smaller x, as for a line that slants less than 45°. */
function clockwise({ centre, along, width, height }: Rectangle): Point[] {
  const corners = [-1, 1].flatMap((side) =>
    [-1, 1].map((end) => ({
      x: centre.x + (end * along.x * width - side * along.y * height) / 2,
      y: centre.y + (end * along.y * width + side * along.x * height) / 2,
    })),
  );
  const [a, b, c, d] = corners.sort((one, other) => one.x - other.x) as [Point, Point, Point, Point];
  const [topLeft, bottomLeft] = a.y <= b.y ? [a, b] : [b, a];
  const [topRight, bottomRight] = c.y <= d.y ? [c, d] : [d, c];
  return [topLeft, topRight, bottomRight, bottomLeft];
}

/**
 * From top to bottom; boxes whose middles are less than half a box's height apart are one row, from left to right. Top
 * and left are those of a page turned back by the slant that most of its lines have.
 */
function inReadingOrder(boxes: readonly TextBox[]): TextBox[] {
  const slants = boxes.map(slant).sort((one, other) => one - other);
  const slantOfPage = slants[Math.floor(slants.length / 2)] ?? 0;
  const placed = boxes.map((box) => ({ box, ...place(box, slantOfPage) })).sort((one, other) => one.y - other.y);
  const rows: (typeof placed)[] = [];
  for (const item of placed) {
    const row = rows.at(-1);
    const head = row?.[0];
    if (row && head && item.y - head.y < Math.min(head.height, item.height) / 2) row.push(item);
    else rows.push([item]);
  }
  return rows.flatMap((row) => row.sort((one, other) => one.x - other.x).map(({ box }) => box));
}

function slant({ corners: [topLeft, topRight] }: TextBox): number {
  return Math.atan2(topRight!.y - topLeft!.y, topRight!.x - topLeft!.x);
}

/** Middle of a box on the page turned back, and its height. */
function place({ corners }: TextBox, slantOfPage: number): Point & { height: number } {
  const [topLeft, , bottomRight, bottomLeft] = corners as [Point, Point, Point, Point];
  const [x, y] = [(topLeft.x + bottomRight.x) / 2, (topLeft.y + bottomRight.y) / 2];
  const [cos, sin] = [Math.cos(slantOfPage), Math.sin(slantOfPage)];
  const height = Math.hypot(topLeft.x - bottomLeft.x, topLeft.y - bottomLeft.y);
  return { x: x * cos + y * sin, y: y * cos - x * sin, height };
}
