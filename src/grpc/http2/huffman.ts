import { ConnectionError, ERROR } from "./frames.js";

/**
 * Bits of each byte's code, and of the end's, which is the last. The code is canonical: codes of as many bits follow one
 * another as their bytes do, and shorter ones come before longer ones.
 * @see RFC 7541, appendix B
 */
const CODE_BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
] as const;
const END = 256;
const MIN_BITS = 5;
const MAX_BITS = 30;

/** Of codes of each number of bits: the first one, how many there are, and where their bytes begin in `BYTES`. */
const FIRST = new Int32Array(MAX_BITS + 1);
const COUNT = new Int32Array(MAX_BITS + 1);
const BEGINS = new Int32Array(MAX_BITS + 1);
/** Bytes, and the end, in the order of their codes. */
const BYTES = Int32Array.from(CODE_BITS.keys()).sort((a, b) => CODE_BITS[a]! - CODE_BITS[b]! || a - b);

for (const bits of CODE_BITS) COUNT[bits]! += 1;
for (let bits = 1; bits <= MAX_BITS; bits++) {
  FIRST[bits] = (FIRST[bits - 1]! + COUNT[bits - 1]!) * 2;
  BEGINS[bits] = BEGINS[bits - 1]! + COUNT[bits - 1]!;
}

/** Longest text that a code of a given length stands for, as a multiple of it. */
const MOST_GROWTH = 8 / MIN_BITS;
let text = Buffer.allocUnsafeSlow(4096);

/**
 * The text, in Latin-1, that the bytes of a header block from `start` to `end` stand for.
 * @throws ConnectionError where it is no code of a text
 */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string {
  const most = (end - start) * MOST_GROWTH;
  if (most > text.length) text = Buffer.allocUnsafeSlow(most);
  let length = 0;
  let code = 0;
  let bits = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      bits += 1;
      if (bits < MIN_BITS) continue;
      const index = code - FIRST[bits]!;
      if (index >= COUNT[bits]!) continue;
      const value = BYTES[BEGINS[bits]! + index]!;
      if (value === END) throw malformed();
      text[length++] = value;
      code = 0;
      bits = 0;
    }
  }
  // What is left of the last byte is filled up with ones.
  if (bits > 7 || code !== (1 << bits) - 1) throw malformed();
  return text.toString("latin1", 0, length);
}

function malformed(): ConnectionError {
  return new ConnectionError(ERROR.compression, "a text of a header block has no Huffman code");
}
