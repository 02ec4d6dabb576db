import { ConnectionError, ERROR, FLAG, FRAME, FRAME_HEAD_BYTES, MAX_UINT31 } from "./frames.js";
import { HeaderDecoder, type HeaderList } from "./header-decoder.js";

/** Header blocks: the longest, and in how many frames after the first one. */
const MAX_BLOCK_BYTES = 1 << 17;
const MAX_CONTINUATIONS = 8;
/** What a frame says of the stream's priority, which is of no meaning any more. @see RFC 9113, section 5.3.2 */
const PRIORITY_BYTES = 5;

/** Headers that came on a stream. */
export interface StreamHeaders {
  readonly stream: number;
  readonly endsStream: boolean;
  readonly list: HeaderList;
}

/** Puts header blocks together that come in several frames, and reads them. @see RFC 9113, section 4.3 */
export class HeaderReader {
  readonly #decoder = new HeaderDecoder();
  /** The block that has not come whole. */
  #block: { readonly stream: number; readonly flags: number; readonly parts: Buffer[]; bytes: number } | undefined;

  /**
   * Between the frames of a block nothing else may come.
   * @throws ConnectionError where it does
   */
  expect(type: number, stream: number): void {
    const isDue = this.#block !== undefined;
    if (isDue !== (type === FRAME.continuation) || (isDue && stream !== this.#block!.stream))
      throw new ConnectionError(ERROR.protocol, `a frame of type ${type} came before, within or after a header block`);
  }

  /**
   * Takes HEADERS: the bytes of `frame` from `start` to `end`.
   * @returns what they say, once all of it has come
   */
  begin(flags: number, stream: number, frame: Buffer, start: number, end: number): StreamHeaders | undefined {
    let from = start + FRAME_HEAD_BYTES;
    let to = end;
    if (flags & FLAG.padded) to -= frame[from++] ?? 0;
    if (flags & FLAG.priority) {
      if (to - from >= PRIORITY_BYTES && (frame.readUInt32BE(from) & MAX_UINT31) === stream)
        throw new ConnectionError(ERROR.protocol, "a stream depends on itself");
      from += PRIORITY_BYTES;
    }
    if (from > to) throw new ConnectionError(ERROR.protocol, "a frame is shorter than what it begins and ends with");
    if (flags & FLAG.endHeaders) return this.#read(flags, stream, frame, from, to);
    const part = Buffer.from(frame.subarray(from, to));
    this.#block = { stream, flags, parts: [part], bytes: part.length };
    return undefined;
  }

  /** The same of a CONTINUATION. */
  goOn(flags: number, frame: Buffer, start: number, end: number): StreamHeaders | undefined {
    const block = this.#block!;
    const part = Buffer.from(frame.subarray(start + FRAME_HEAD_BYTES, end));
    block.parts.push(part);
    block.bytes += part.length;
    if (block.bytes > MAX_BLOCK_BYTES || block.parts.length > MAX_CONTINUATIONS + 1)
      throw new ConnectionError(ERROR.enhanceYourCalm, "a header block goes on and on");
    if (!(flags & FLAG.endHeaders)) return undefined;
    this.#block = undefined;
    return this.#read(block.flags, block.stream, Buffer.concat(block.parts), 0, block.bytes);
  }

  #read(flags: number, stream: number, block: Buffer, start: number, end: number): StreamHeaders {
    const list = this.#decoder.decode(block, start, end);
    return { stream, endsStream: (flags & FLAG.endStream) !== 0, list };
  }
}
