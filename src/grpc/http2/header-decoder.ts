import { ConnectionError, ERROR } from "./frames.js";
import { decodeHuffman } from "./huffman.js";
import { STATIC_HEADERS } from "./static-headers.js";

/** Size of the table of headers that callers may keep here: what they count upon until something else is said. */
export const TABLE_BYTES = 4096;
/** What a header counts beside its text. @see RFC 7541, section 4.1 */
const ENTRY_BYTES = 32;
/** What all headers of a call may come to. A block of a few KB may stand for any number of them. */
const MAX_LIST_BYTES = 1 << 17;
/** What a header's first byte says beside an integer: all of it has a number, or it is kept; or there is none, but a size. @see RFC 7541, section 6 */
const INDEXED = 0x80;
const KEPT = 0x40;
const SIZE = 0x20;
/** An integer of more bytes than that is none that anybody means. */
const MAX_SHIFT = 21;

/** What a name and a value may be made of. @see RFC 9113, section 8.2.1 */
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE = /^(?![ \t])[^\0\r\n]*(?<![ \t])$/;

const NONE = Buffer.alloc(0);

/** Headers of a request, in the order in which they came. */
export interface HeaderList {
  readonly names: readonly string[];
  /** As Latin-1. */
  readonly values: readonly string[];
  /** Whether all are made of what names and values may be made of. */
  readonly isWellFormed: boolean;
}

interface Header {
  readonly name: string;
  readonly value: string;
  readonly isWellFormed: boolean;
}

const OF_ALL: readonly Header[] = STATIC_HEADERS.map((header) => ({ ...header, isWellFormed: true }));

/**
 * Reads the header blocks of one connection, each of which may change what the next ones mean.
 * @see RFC 7541
 */
export class HeaderDecoder {
  /** What the caller keeps here, the newest last. */
  readonly #kept: Header[] = [];
  #keptBytes = 0;
  #maxBytes = TABLE_BYTES;
  /** Of the block that is read. */
  #block: Buffer = NONE;
  #at = 0;
  #end = 0;

  /**
   * What the bytes of `block` from `start` to `end` mean.
   * @throws ConnectionError where they mean nothing, or too much
   */
  decode(block: Buffer, start: number, end: number): HeaderList {
    this.#block = block;
    this.#at = start;
    this.#end = end;
    const names: string[] = [];
    const values: string[] = [];
    let isWellFormed = true;
    let size = 0;
    this.#resize();
    while (this.#at < end) {
      const header = block[this.#at]! & INDEXED ? this.#entry(this.#integer(0x7f)) : this.#literal();
      names.push(header.name);
      values.push(header.value);
      isWellFormed &&= header.isWellFormed;
      size += bytesOf(header);
      if (size > MAX_LIST_BYTES)
        throw new ConnectionError(ERROR.enhanceYourCalm, `headers come to more than ${MAX_LIST_BYTES} bytes`);
    }
    // What was read lies among all else that came with it.
    this.#block = NONE;
    return { names, values, isWellFormed };
  }

  /** A header that is no number: one that is kept, or not. */
  #literal(): Header {
    const first = this.#block[this.#at]!;
    const isKept = (first & KEPT) !== 0;
    if (!isKept && first & SIZE) throw malformed("a size of the table comes after a header");
    const index = this.#integer(isKept ? 0x3f : 0x0f);
    const name = index === 0 ? this.#text() : this.#entry(index).name;
    const value = this.#text();
    const header = { name, value, isWellFormed: NAME.test(name) && VALUE.test(value) };
    if (isKept) this.#keep(header);
    return header;
  }

  /** Sizes of the table are told before the first header. */
  #resize(): void {
    while (this.#at < this.#end && (this.#block[this.#at]! & ~0x1f) === SIZE) {
      const size = this.#integer(0x1f);
      if (size > TABLE_BYTES) throw malformed(`a table of ${size} bytes, more than ${TABLE_BYTES}`);
      this.#maxBytes = size;
      this.#evict(0);
    }
  }

  #keep(header: Header): void {
    const bytes = bytesOf(header);
    this.#evict(bytes);
    if (bytes > this.#maxBytes) return;
    this.#kept.push(header);
    this.#keptBytes += bytes;
  }

  /** Makes room for so many bytes, as far as there is any. */
  #evict(bytes: number): void {
    while (this.#kept.length > 0 && this.#keptBytes + bytes > this.#maxBytes)
      this.#keptBytes -= bytesOf(this.#kept.shift()!);
  }

  /** Numbers begin with 1 for what all have, and go on with what was kept last. */
  #entry(index: number): Header {
    const entry = index <= OF_ALL.length ? OF_ALL[index - 1] : this.#kept[this.#kept.length + OF_ALL.length - index];
    if (!entry) throw malformed(`no header has the number ${index}`);
    return entry;
  }

  /** @param mask the bits of the first byte that belong to it. @see RFC 7541, section 5.1 */
  #integer(mask: number): number {
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= MAX_SHIFT; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed("an integer goes on and on");
  }

  #byte(): number {
    if (this.#at >= this.#end) throw malformed("it ends within a header");
    return this.#block[this.#at++]!;
  }

  /** @see RFC 7541, section 5.2 */
  #text(): string {
    const isCoded = this.#at < this.#end && this.#block[this.#at]! >= 0x80;
    const length = this.#integer(0x7f);
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw malformed("it ends within a text");
    return isCoded ? decodeHuffman(this.#block, start, this.#at) : this.#block.toString("latin1", start, this.#at);
  }
}

function bytesOf({ name, value }: Header): number {
  return name.length + value.length + ENTRY_BYTES;
}

function malformed(what: string): ConnectionError {
  return new ConnectionError(ERROR.compression, `a header block can't be read: ${what}`);
}
