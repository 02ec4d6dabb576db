import { WireReader, WireType } from "./wire.js";

/** A reader of the message that lies at the reader's position, which moves past it. */
export function readMessage(reader: WireReader): WireReader {
  const length = reader.length();
  const start = reader.position;
  reader.position += length;
  return new WireReader(reader.bytes, start, start + length);
}

/** The tag of a length-delimited field. */
export function field(number: number): number {
  return number * 8 + WireType.BYTES;
}

/** The tag of a varint field. */
export function varintField(number: number): number {
  return number * 8 + WireType.VARINT;
}

/** The tag of a field of packed or single varints, whichever it is written as. */
export function isVarints(tag: number, number: number): boolean {
  return tag === field(number) || tag === number * 8 + WireType.VARINT;
}
