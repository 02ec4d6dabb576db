import { type Random, seededRandom } from "../../src/testing/seeded-random.js";

/** Numbers at which lengths, counts and dimensions turn. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
/** Tags of wire types that protobuf has and has not, and a group's begin and end. */
const TAGS = [0x00, 0x0a, 0x0b, 0x0c, 0x0d, 0x08, 0x09, 0x12, 0x1a, 0x22, 0x2a, 0x0e, 0x0f, 0xfa, 0xff];
const MAX_MUTATIONS = 6;
/** Longer inputs only take longer. */
const MAX_LENGTH = 65_536;

type Mutation = (bytes: Buffer, random: Random, corpus: readonly Buffer[]) => Buffer;

/** Changes that know nothing of what the bytes mean. */
const BYTE_MUTATIONS: readonly Mutation[] = [
  (bytes, random) => replaced(bytes, random, (byte) => byte ^ (1 << below(random, 8))),
  (bytes, random) => replaced(bytes, random, () => below(random, 256)),
  (bytes, random) => cutOut(bytes, below(random, bytes.length + 1), below(random, 16) + 1),
  (bytes, random) =>
    inserted(bytes, random, Buffer.from(Array.from({ length: below(random, 8) + 1 }, () => below(random, 256)))),
  (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  (bytes, random) => doubled(bytes, random),
  (bytes, random, corpus) => spliced(bytes, pick(corpus, random), random),
];

/** Changes that a reader of protobuf has to fear: lengths, numbers and tags at their edges, and nesting. */
const WIRE_MUTATIONS: readonly Mutation[] = [
  (bytes, random) => inserted(bytes, random, varint(pick(EDGES, random))),
  (bytes, random) => replaced(bytes, random, () => pick(TAGS, random)),
  (bytes, random) =>
    inserted(bytes, random, Buffer.concat([Buffer.from([pick(TAGS, random)]), varint(pick(EDGES, random))])),
  (bytes, random) => inserted(bytes, random, Buffer.alloc(below(random, 11) + 1, 0xff)),
  (bytes, random) => inserted(bytes, random, Buffer.alloc(below(random, 200), pick([0x0b, 0x0a, 0x13], random))),
  (bytes, random) => nested(bytes, pick(TAGS, random), below(random, 120) + 1),
];

/**
 * The input that a number stands for: one of the corpus, changed a few times. The same number makes the same input.
 * @param kind `wire` also knows protobuf's edges; with `words` texts are changed word by word too
 */
export function mutate(
  corpus: readonly Buffer[],
  seed: number,
  kind: "bytes" | "wire",
  words: readonly string[] = [],
): Buffer {
  const random = seededRandom(seed);
  const mutations = [
    ...BYTE_MUTATIONS,
    ...(kind === "wire" ? WIRE_MUTATIONS : []),
    ...(words.length > 0 ? [wordMutation(words), wordMutation(words), wordMutation(words)] : []),
  ];
  let bytes = pick(corpus, random);
  for (let count = below(random, MAX_MUTATIONS) + 1; count > 0; count--)
    bytes = pick(mutations, random)(bytes, random, corpus);
  return bytes.subarray(0, MAX_LENGTH);
}

function wordMutation(words: readonly string[]): Mutation {
  return (bytes, random) => {
    const text = bytes.toString("latin1");
    const found = [...text.matchAll(/[\w.]+/g)];
    if (found.length === 0) return bytes;
    const at = pick(found, random);
    const word = Buffer.from(pick(words, random)).toString("latin1");
    return Buffer.from(text.slice(0, at.index) + word + text.slice(at.index + at[0].length), "latin1");
  };
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<Value>(values: readonly Value[], random: Random): Value {
  return values[below(random, values.length)]!;
}

function replaced(bytes: Buffer, random: Random, change: (byte: number) => number): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  const at = below(random, copy.length);
  copy[at] = change(copy[at]!);
  return copy;
}

function cutOut(bytes: Buffer, at: number, length: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
}

function inserted(bytes: Buffer, random: Random, more: Buffer): Buffer {
  const at = below(random, bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}

function doubled(bytes: Buffer, random: Random): Buffer {
  const at = below(random, bytes.length + 1);
  return Buffer.concat([bytes, bytes.subarray(at)]);
}

function spliced(bytes: Buffer, other: Buffer, random: Random): Buffer {
  return Buffer.concat([
    bytes.subarray(0, below(random, bytes.length + 1)),
    other.subarray(below(random, other.length + 1)),
  ]);
}

function nested(bytes: Buffer, tag: number, depth: number): Buffer {
  let inside = bytes.subarray(0, 256);
  for (let level = 0; level < depth; level++)
    inside = Buffer.concat([Buffer.from([tag]), varint(inside.length), inside]);
  return inside;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}
