/** 99.9 % of a normal distribution lie within so many standard deviations. */
const DEVIATIONS = 3.29;

/** Between which numbers of `calls` those with a probability lie in 999 of 1 000 cases. */
export function binomial(calls: number, probability: number): { least: number; most: number } {
  const expected = calls * probability;
  const margin = DEVIATIONS * Math.sqrt(expected * (1 - probability));
  return { least: Math.ceil(expected - margin), most: Math.floor(expected + margin) };
}
