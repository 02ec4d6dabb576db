import path from "node:path";
import { compareSignatures } from "../contract/compatibility.js";
import { loadContract } from "../contract/contract.js";
import { nextVersion, placeContract } from "../contract/contract-name.js";
import type { ContractDraft } from "../contract/proto-draft.js";
import { writeContract } from "../contract/proto-writer.js";
import { PROTO_FOLDER } from "../fleet/proto-workspace.js";
import { contractFiles, contractImage } from "../fleet/protos.js";
import type { CheckedModel } from "./add-model.js";

/** How a new contract is to look. */
export type ContractChoices = Pick<ContractDraft, "style" | "columns" | "labels" | "integers">;

/** What becomes of the contract: its text where it has to be written, or that the model fits the one there is. */
export interface ContractPlan {
  /** Path of the .proto relative to the fleet's folder, with slashes. */
  readonly file: string;
  /** Undefined where it is there already. */
  readonly text: string | undefined;
  /** A transform makes its tensors: only the server can tell whether the model fits. */
  readonly transformed: boolean;
}

/** What a contract is planned for. */
export interface ContractRequest {
  /** Absolute folder of the fleet file. */
  readonly root: string;
  readonly contract: string;
  /** The model's file as the user named it. */
  readonly source: string;
  readonly model: CheckedModel;
  readonly choices: ContractChoices;
  readonly transform: boolean;
  /** Command line that would add the model under another contract's name. */
  readonly commandFor: (contract: string, style: "record" | undefined) => string;
}

/**
 * Writes a contract for a model, in memory, or checks that the model fits the contract that is there.
 * @throws Error with every difference, and the command that makes the next version
 */
export async function planContract(request: ContractRequest): Promise<ContractPlan> {
  const { root, contract, source, model, transform } = request;
  const [existing] = contractFiles(root, contract).sort();
  if (existing !== undefined) {
    const file = path.relative(root, existing).split(path.sep).join("/");
    return { file, text: undefined, transformed: await checkFit(request, file) };
  }
  const place = placeContract(contract);
  const text = writeContract({
    name: contract,
    model: { ...model.onnx, signature: model.signature },
    source: path.basename(source),
    transform,
    ...request.choices,
  });
  return { file: `${PROTO_FOLDER}/${place.folder}/${place.file}`, text, transformed: transform };
}

/** @returns whether the contract leaves its tensors to a transform */
async function checkFit(request: ContractRequest, file: string): Promise<boolean> {
  const { root, contract, source, model, transform, commandFor } = request;
  const { signature, methods } = loadContract(await contractImage(root, contract), contract);
  if (!signature) {
    if (transform) return true;
    throw new Error(`${file} binds no field to a tensor: name the module that makes its tensors with --transform`);
  }
  if (transform)
    throw new Error(
      `${file} binds its fields to tensors, so that a transform has nothing to do; leave --transform out`,
    );
  const differences = compareSignatures(signature, model.signature);
  if (differences.length === 0) return false;
  const style = methods.some((method) => method.request.records.length > 0) ? "record" : undefined;
  throw new Error(
    [
      `${source} does not fit ${contract} (${file}):`,
      ...differences.map((difference) => `  ${difference.message}`),
      "A contract never changes once it is released. This makes the next version:",
      `  ${commandFor(nextVersion(contract), style)}`,
    ].join("\n"),
  );
}
