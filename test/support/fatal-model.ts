import { readFileSync } from "node:fs";
import { foundFiles } from "../fuzz/fuzz.js";
import { NATIVE_TARGET } from "../fuzz/native.js";

/** A model, as fuzzing has found it, over which ONNX Runtime ends the process that loads it. */
export function fatalModel(): Uint8Array {
  return readFileSync(foundFiles(NATIVE_TARGET)[0]!);
}
