import assert from "node:assert/strict";
import { writePlanes } from "../../models/planes.js";
import { assertClose } from "./closeness.js";

describe("writePlanes()", () => {
  it("writes blue, green and red planes, normalised each in its way, at the left of a wider tensor", () => {
    const picture = { width: 2, height: 1, channels: 3, data: Uint8Array.from([255, 0, 51, 0, 255, 102]) } as const;
    const data = new Float32Array(3 * 3).fill(9);
    const normalisation = { mean: [0, 0.5, 1], deviation: [1, 0.5, 2] } as const;
    writePlanes(picture, normalisation, { data, height: 1, width: 3 });
    assertClose(data, [0.2, 0.4, 9, -1, 1, 9, 0, -0.5, 9], 1e-6);
    assert.equal(data[2], 9);
  });
});
