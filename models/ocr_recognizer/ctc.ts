/** A line of text as it was decoded. */
export interface DecodedLine {
  readonly text: string;
  /** Mean probability of the characters; 0 where there is none. */
  readonly confidence: number;
}

/** Class 0 says "no character here"; it also parts two equal characters that follow one another. */
const BLANK = 0;

/**
 * Reads off the likeliest character of each step, and drops blanks and repetitions (connectionist temporal
 * classification, greedily).
 * @param probabilities [steps, classes]
 * @param characters by class
 */
export function decodeLine(probabilities: Float32Array, characters: readonly string[]): DecodedLine {
  const classes = characters.length;
  let text = "";
  let sum = 0;
  let count = 0;
  let previous = BLANK;
  for (let start = 0; start < probabilities.length; start += classes) {
    let best = 0;
    let most = probabilities[start]!;
    for (let index = 1; index < classes; index++) {
      const probability = probabilities[start + index]!;
      if (probability > most) [best, most] = [index, probability];
    }
    if (best !== BLANK && best !== previous) {
      text += characters[best];
      sum += most;
      count++;
    }
    previous = best;
  }
  return { text, confidence: count === 0 ? 0 : sum / count };
}
