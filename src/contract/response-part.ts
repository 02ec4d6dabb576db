import { Fault } from "./fault.js";
import type { Tensor } from "./tensor.js";
import type { WireWriter } from "./wire.js";

/** A part of a response whose size is known before it is written. */
export interface Part {
  readonly byteLength: number;
  write(writer: WireWriter): void;
}

/** The output of a name. @throws Fault RUN_FAILED */
export function findOutput(outputs: readonly Tensor[], name: string): Tensor {
  const output = outputs.find((tensor) => tensor.name === name);
  if (!output) throw new Fault("RUN_FAILED", `the model gave no output "${name}"`);
  return output;
}
