import { createHash } from "node:crypto";

/** The next of a sequence of numbers from 0 to 1, the same for the same seed. */
export type Random = () => number;

/**
 * A sequence that a seed fixes (mulberry32). Good enough to look random, and nothing to keep a secret with.
 * @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed out of bytes and another seed. */
export function seedFrom(bytes: Uint8Array, seed: number): number {
  return createHash("sha256").update(String(seed)).update(bytes).digest().readUInt32LE(0);
}
