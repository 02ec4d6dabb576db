import { status } from "@grpc/grpc-js";
import { PREFIX_BYTES } from "../message-reader.js";
import type { CallStatus, Trailers } from "../status.js";
import type { Body, BodySender } from "./body-sender.js";
import { FLAG, FRAME, FRAME_BYTES, FRAME_HEAD_BYTES, frameHead, headerFrames, writeFrameHead } from "./frames.js";
import { headerBlock, headerBytes, writeHeader } from "./header-writer.js";
import type { TurnWriter } from "./turn-writer.js";

/** `:status: 200`, by its number. @see RFC 7541, appendix A */
const STATUS_200 = Buffer.from([0x88]);
const RESPONSE = Buffer.concat([STATUS_200, headerBlock(["content-type"], ["application/grpc+proto"])]);
const STATUS_OK = headerBlock(["grpc-status"], [String(status.OK)]);
/** What a header block begins with that empties the table of the other side. @see RFC 7541, section 6.3 */
const NO_TABLE = 0x20;
const EMPTY_TABLE = Buffer.from([NO_TABLE]);
const NONE = Buffer.alloc(0);
/** Answers up to this size are copied behind their prefix: two chunks cost more. */
const COPIED_BYTES = 1 << 14;
const LAST_HEADERS = FLAG.endHeaders | FLAG.endStream;
/** What comes before the trailers of a call that failed: the answer's own headers, and that the table is emptied. */
const BEFORE_BYTES = RESPONSE.length + 1;

/**
 * Writes answers of unary calls as frames. Header blocks leave the table of the other side alone, so that most of them are
 * the same bytes each time.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Responses)
 */
export class AnswerWriter {
  readonly #writer: TurnWriter;
  readonly #bodies: BodySender;
  #mustEmptyTable = false;

  constructor(writer: TurnWriter, bodies: BodySender) {
    this.#writer = writer;
    this.#bodies = bodies;
  }

  /** The other side may have made its table smaller: the next header block is to say that it heard. @see RFC 7541, section 4.2 */
  emptyTable(): void {
    this.#mustEmptyTable = true;
  }

  /**
   * Writes an answer, or as much of it as may be written whatever the other side has room for.
   * @param stream.credit what it may send beyond what streams may from the start
   * @returns the rest, where it is not all
   */
  answer({ id, credit }: Pick<Body, "id" | "credit">, message: Buffer, trailers: Trailers): Body | undefined {
    const length = PREFIX_BYTES + message.length;
    const after = trailerBytes(trailers);
    const most = 2 * FRAME_HEAD_BYTES + RESPONSE.length + length + after;
    const isWhole = length <= COPIED_BYTES && after <= FRAME_BYTES && this.#bodies.hasRoom(length, credit);
    const start = this.#begin(isWhole ? most : RESPONSE.length);
    const head = this.#writeResponse(start);
    this.#endHeaders(start, head, id, FLAG.endHeaders);
    if (!isWhole) return restOf(id, credit, message, trailers);
    const { scratch } = this.#writer;
    writeFrameHead(scratch, head, { type: FRAME.data, length, flags: 0, stream: id });
    const at = writePrefix(scratch, head + FRAME_HEAD_BYTES, message.length);
    const last = at + message.copy(scratch, at);
    this.#bodies.window -= length;
    this.#endHeaders(last, writeTrailers(scratch, last + FRAME_HEAD_BYTES, trailers), id, LAST_HEADERS);
    return undefined;
  }

  /** Writes how a call failed. */
  refuse(id: number, { code, details, trailers }: CallStatus): void {
    const all = { "grpc-status": String(code), "grpc-message": encodeURI(details), ...trailers };
    const most = trailerBytes(all);
    if (most + BEFORE_BYTES > FRAME_BYTES) {
      const block = Buffer.concat([this.#mustEmptyTable ? EMPTY_TABLE : NONE, RESPONSE, trailerBlock(all)]);
      this.#mustEmptyTable = false;
      this.#writer.write(headerFrames(id, FLAG.endStream, block));
      return;
    }
    const start = this.#begin(RESPONSE.length + most);
    const end = writeTrailers(this.#writer.scratch, this.#writeResponse(start), all);
    this.#endHeaders(start, end, id, LAST_HEADERS);
  }

  /** Passes on a header block that was made by somebody else, who leaves the table alone, too: in its frame, or in several. */
  passOn(frames: Buffer): void {
    const length = frames.readUIntBE(0, 3);
    // One that is full takes no more, and is never the first: the other one empties the table in that itself.
    if (!this.#mustEmptyTable || length >= FRAME_BYTES) {
      this.#writer.write(frames);
      return;
    }
    this.#mustEmptyTable = false;
    const head = frameHead(FRAME.headers, length + 1, { flags: frames[4]!, stream: frames.readUInt32BE(5) });
    this.#writer.write(Buffer.concat([head, EMPTY_TABLE, frames.subarray(FRAME_HEAD_BYTES)]));
  }

  /** @returns where a frame with headers is to begin, for which there is room: so many bytes and what all have */
  #begin(bytes: number): number {
    return this.#writer.reserve(FRAME_HEAD_BYTES + 1 + bytes);
  }

  /** @returns where the headers end that all answers begin with, of a frame that begins at `start` */
  #writeResponse(start: number): number {
    const { scratch } = this.#writer;
    let at = start + FRAME_HEAD_BYTES;
    if (this.#mustEmptyTable) scratch[at++] = NO_TABLE;
    this.#mustEmptyTable = false;
    return at + RESPONSE.copy(scratch, at);
  }

  #endHeaders(start: number, end: number, stream: number, flags: number): void {
    const length = end - start - FRAME_HEAD_BYTES;
    writeFrameHead(this.#writer.scratch, start, { type: FRAME.headers, length, flags, stream });
    this.#writer.wrote(end);
  }
}

function restOf(id: number, credit: number, message: Buffer, trailers: Trailers): Body {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(prefix, 0, message.length);
  const last = headerFrames(id, FLAG.endStream, trailerBlock(trailers));
  return { id, chunks: message.length === 0 ? [prefix] : [prefix, message], endsStream: false, after: [last], credit };
}

function trailerBlock(trailers: Trailers): Buffer {
  const block = Buffer.allocUnsafe(trailerBytes(trailers));
  return block.subarray(0, writeTrailers(block, 0, trailers));
}

/** Writes what a message that is not compressed begins with. */
function writePrefix(bytes: Buffer, at: number, length: number): number {
  bytes[at] = 0;
  return bytes.writeUInt32BE(length, at + 1);
}

/** What trailers take at most, `grpc-status` included. */
function trailerBytes(trailers: Trailers): number {
  let bytes = STATUS_OK.length;
  for (const name in trailers) bytes += headerBytes(name, trailers[name]!);
  return bytes;
}

/** Writes trailers, and that all is well unless they say. @returns where they end */
function writeTrailers(block: Buffer, start: number, trailers: Trailers): number {
  let at = "grpc-status" in trailers ? start : start + STATUS_OK.copy(block, start);
  for (const name in trailers) at = writeHeader(block, at, name, trailers[name]!);
  return at;
}
