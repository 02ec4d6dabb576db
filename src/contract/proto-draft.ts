import type { OnnxModel } from "./onnx.js";

/** How whole numbers of 32 and 64 bits are written: short where they are small, or as they lie in memory. */
export type IntegerStyle = "varint" | "fixed";

/** What a contract is to be written from. */
export interface ContractDraft {
  /** `acme.fraud.v1`; it has passed `checkContractName`. */
  readonly name: string;
  readonly model: Pick<OnnxModel, "signature" | "dimensions" | "classes" | "producer">;
  /** File name of the model, for the comment at the top. */
  readonly source: string;
  /** @default record where the model's inputs are columns of their own, or `columns` names them; tensor otherwise */
  readonly style?: "record" | "tensor" | undefined;
  /** Names of the columns of the model's inputs, in order. */
  readonly columns?: readonly string[] | undefined;
  /** Names of the classes, in the order of the model's scores. */
  readonly labels?: readonly string[] | undefined;
  /** @default varint */
  readonly integers?: IntegerStyle | undefined;
  /** The messages are a transform's to read and make: they are left empty and bind nothing. */
  readonly transform?: boolean | undefined;
}

/** A contract that can't be written as asked. The message says why and what would do. */
export class DraftError extends Error {
  override readonly name = "DraftError";
}

/** The package of our options and shaped messages as this contract has to write it. */
export function optionsPackage({ name }: ContractDraft): string {
  // Protobuf looks names up from the inside out: in acme.flotilla.v1, a plain `flotilla.v1` would be acme.flotilla.v1.
  return name.split(".").includes("flotilla") ? ".flotilla.v1" : "flotilla.v1";
}
