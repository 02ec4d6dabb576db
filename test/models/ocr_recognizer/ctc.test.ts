import assert from "node:assert/strict";
import { decodeLine } from "../../../models/ocr_recognizer/ctc.js";

const CHARACTERS = ["", "a", "l", " "];

describe("decodeLine()", () => {
  it("drops repetitions, keeps doubled letters that a blank parts, and reads spaces", () => {
    assert.equal(decodeLine(steps([1, 1, 0, 2, 0, 2, 2, 3, 1, 0]), CHARACTERS).text, "all a");
  });

  it("gives the mean probability of the characters that it kept", () => {
    const probabilities = steps([1, 0, 2]);
    probabilities[1] = 0.5;
    assert.equal(decodeLine(probabilities, CHARACTERS).confidence, 0.75);
  });

  it("gives no text and no confidence where every step is blank", () => {
    assert.deepEqual(decodeLine(steps([0, 0]), CHARACTERS), { text: "", confidence: 0 });
  });
});

/** Probabilities whose likeliest classes are these. */
function steps(classes: readonly number[]): Float32Array {
  const probabilities = new Float32Array(classes.length * CHARACTERS.length);
  for (const [step, index] of classes.entries()) probabilities[step * CHARACTERS.length + index] = 1;
  return probabilities;
}
