import { isUtf8 } from "node:buffer";
import { invalid } from "../../contract/fault.js";

const REPLACEMENT = "\ufffd";
const MAX_SHOWN = 120;

/**
 * The text that bytes hold.
 * @throws Fault INVALID_INPUT naming `what`, where they are not UTF-8
 */
export function toText(bytes: Uint8Array<ArrayBuffer>, what: string): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  // Decoding puts this character in the place of a broken sequence; only then is the slower check worth its time.
  if (text.includes(REPLACEMENT) && !isUtf8(bytes)) throw invalid(`${what}: invalid UTF-8`);
  return text;
}

/**
 * One element of a BYTES tensor.
 * @throws Fault INVALID_INPUT where ONNX Runtime could not take it as it is
 */
export function toElement(bytes: Uint8Array<ArrayBuffer>, index: number): string {
  const text = toText(bytes, `element ${index}`);
  // ONNX Runtime for Node hands strings over as C does, and would cut this one off without a word.
  if (text.includes("\0")) throw invalid(`element ${index}: a string with a NUL character can't be given to the model`);
  return text;
}

/** A caller's name in quotes, cut where it is too long for an error message. */
export function quote(name: string): string {
  return JSON.stringify(name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}...` : name);
}
