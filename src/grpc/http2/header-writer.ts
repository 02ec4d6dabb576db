/** A value is written behind its name as it is; the table of the other side is left alone. @see RFC 7541, section 6.2.2 */
const NEW_NAME = 0x00;
/** The longest length that fits into its first byte. */
const MAX_SHORT = 0x7e;
/** What a length takes at most. */
export const LENGTH_BYTES = 4;
/** Of a header: the kind, and two lengths. */
const MOST_OVERHEAD_BYTES = 1 + 2 * LENGTH_BYTES;

/** What a header takes at most, written by `writeHeader`. */
export function headerBytes(name: string, value: string): number {
  return MOST_OVERHEAD_BYTES + name.length + value.length;
}

/**
 * Writes a header into a block, without any compression.
 * @param name and value: Latin-1
 * @returns where it ends
 */
export function writeHeader(block: Buffer, at: number, name: string, value: string): number {
  block[at] = NEW_NAME;
  return writeText(block, writeText(block, at + 1, name), value);
}

/** Writes a name or a value, with its length before it. @returns where it ends */
export function writeText(block: Buffer, at: number, text: string): number {
  const begins = writeLength(block, at, text.length);
  return begins + block.write(text, begins, "latin1");
}

/** @see RFC 7541, section 5.1 */
function writeLength(block: Buffer, at: number, length: number): number {
  if (length <= MAX_SHORT) {
    block[at] = length;
    return at + 1;
  }
  block[at++] = MAX_SHORT + 1;
  let rest = length - MAX_SHORT - 1;
  for (; rest > 0x7f; rest >>= 7) block[at++] = (rest & 0x7f) | 0x80;
  block[at] = rest;
  return at + 1;
}

/** A block of such headers. */
export function headerBlock(names: readonly string[], values: readonly string[]): Buffer {
  const most = names.reduce((sum, name, index) => sum + headerBytes(name, values[index]!), 0);
  const block = Buffer.allocUnsafe(most);
  const end = names.reduce((at, name, index) => writeHeader(block, at, name, values[index]!), 0);
  return block.subarray(0, end);
}
