import assert from "node:assert/strict";
import { findBoxes, type ProbabilityMap } from "../../../models/ocr_detector/boxes.js";

const WIDTH = 100;
const HEIGHT = 60;

describe("findBoxes()", () => {
  it("puts a box around each patch, grown as far as its area over its outline asks", () => {
    const [box] = findBoxes(map(patch({ left: 20, top: 10, width: 41, height: 11 }, 0.9)));
    // 40 by 10 between the middles of pixels; 40 * 10 * 1.5 / 100 = 6 are added on each side.
    assert.deepEqual(box!.corners, [
      { x: 14, y: 4 },
      { x: 66, y: 4 },
      { x: 66, y: 26 },
      { x: 14, y: 26 },
    ]);
    assert.ok(Math.abs(box!.score - 0.9) < 1e-6, `score ${box!.score}`);
  });

  it("drops patches that are faint on the whole, and those that are thinner than a line of text", () => {
    const faint = patch({ left: 5, top: 5, width: 30, height: 10 }, 0.5);
    const thin = patch({ left: 50, top: 5, width: 30, height: 3 }, 0.9);
    const unlikely = patch({ left: 5, top: 30, width: 30, height: 10 }, 0.3);
    assert.deepEqual(findBoxes(map(faint, thin, unlikely)), []);
  });

  it("counts a pixel that touches a patch at a corner to the patch", () => {
    const line = patch({ left: 10, top: 10, width: 30, height: 10 }, 0.9);
    const speck = (left: number) => patch({ left, top: 20, width: 2, height: 2 }, 0.9);
    assert.deepEqual(findBoxes(map(line, speck(41))), findBoxes(map(line)));
    assert.notDeepEqual(findBoxes(map(line, speck(40))), findBoxes(map(line)));
  });

  it("gives a slanted patch a slanted box, from its top left corner on, clockwise", () => {
    const slanted: Painter = (x, y) => (Math.abs(y - 15 - x * 0.3) <= 5 && x >= 10 && x <= 80 ? 0.9 : 0);
    const [box] = findBoxes(map(slanted));
    const [topLeft, topRight, bottomRight, bottomLeft] = box!.corners;
    const slope = (topRight!.y - topLeft!.y) / (topRight!.x - topLeft!.x);
    assert.ok(Math.abs(slope - 0.3) < 0.05, `slope ${slope}`);
    assert.ok(topLeft!.x < topRight!.x && bottomLeft!.x < bottomRight!.x);
    assert.ok(topLeft!.y < bottomLeft!.y && topRight!.y < bottomRight!.y);
  });

  it("orders boxes by rows, and by place within a row, though a box of the row lies a little higher", () => {
    const at = (left: number, top: number) => patch({ left, top, width: 21, height: 9 }, 0.9);
    const boxes = findBoxes(map(at(60, 8), at(10, 10), at(60, 40), at(10, 41)));
    assert.deepEqual(
      boxes.map(({ corners }) => corners[0]!.x > 50),
      [false, true, false, true],
    );
    assert.deepEqual(
      boxes.map(({ corners }) => corners[0]!.y > 25),
      [false, false, true, true],
    );
  });
});

type Painter = (x: number, y: number) => number;

function patch(at: { left: number; top: number; width: number; height: number }, probability: number): Painter {
  return (x, y) => {
    const inside = x >= at.left && x < at.left + at.width && y >= at.top && y < at.top + at.height;
    return inside ? probability : 0;
  };
}

function map(...painters: readonly Painter[]): ProbabilityMap {
  const data = Float32Array.from({ length: WIDTH * HEIGHT }, (_, index) => {
    return Math.max(...painters.map((painter) => painter(index % WIDTH, Math.floor(index / WIDTH))));
  });
  return { width: WIDTH, height: HEIGHT, data };
}
