import { delimitedSize, WireType, WireWriter } from "../../contract/wire.js";

/**
 * A field of a message that is about to be written: its size is known, so that the message, whatever lies in it, is
 * written into one stretch of memory.
 */
export interface Piece {
  /** Bytes of the field: tag, length and content. */
  readonly byteLength: number;
  write(writer: WireWriter): void;
}

/** A length-delimited field of `byteLength` bytes that `content` writes. */
export function bytesPiece(field: number, byteLength: number, content: (writer: WireWriter) => void): Piece {
  return {
    byteLength: delimitedSize(field, byteLength),
    write(writer) {
      writer.tag(field, WireType.BYTES);
      writer.varint(byteLength);
      content(writer);
    },
  };
}

/** A `string` field, or a `bytes` field that holds text. */
export function textPiece(field: number, text: string): Piece {
  return {
    byteLength: delimitedSize(field, Buffer.byteLength(text)),
    write(writer) {
      writer.tag(field, WireType.BYTES);
      writer.string(text);
    },
  };
}

/** A message field. */
export function messagePiece(field: number, pieces: readonly Piece[]): Piece {
  return bytesPiece(field, sumBytes(pieces), (writer) => writeAll(writer, pieces));
}

/** A message. */
export function writeMessage(pieces: readonly Piece[]): Buffer<ArrayBuffer> {
  const writer = new WireWriter(sumBytes(pieces));
  writeAll(writer, pieces);
  return writer.finish();
}

function sumBytes(pieces: readonly Piece[]): number {
  let sum = 0;
  for (const piece of pieces) sum += piece.byteLength;
  return sum;
}

function writeAll(writer: WireWriter, pieces: readonly Piece[]): void {
  for (const piece of pieces) piece.write(writer);
}
