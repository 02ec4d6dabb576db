import { Fault } from "../../contract/fault.js";
import type { Signature } from "../../contract/signature.js";
import type { Model, ModelState, Repository } from "../../serving/inference.js";
import { quote } from "./wire-text.js";

/** Why there is no answer. What is wrong with a file is for those who can mend it, not for every caller. */
const STANDINGS: Record<ModelState, string> = {
  LOADING: "still loading; try again",
  READY: "not ready",
  FAILED: "not served: it could not be loaded; the server's log and RepositoryIndex say why",
  UNLOADED: "unloaded",
};

/**
 * The model that a caller names; without a version, the one the repository prefers.
 * @throws Fault UNKNOWN_MODEL, UNKNOWN_REVISION
 */
export function findModel(repository: Repository, name: string, version: string | undefined): Model {
  return repository.find(name, { revision: version || undefined });
}

/**
 * Every revision of a model, or the one that is named; every model where no name is given.
 * @throws Fault UNKNOWN_MODEL, UNKNOWN_REVISION
 */
export function selectModels(repository: Repository, name: string, version: string): readonly Model[] {
  if (name === "") return repository.models;
  const found = findModel(repository, name, version);
  return version === "" ? repository.models.filter(({ contract }) => contract === found.contract) : [found];
}

/**
 * The signature of a model that takes calls.
 * @throws Fault NOT_READY, UNSUPPORTED
 */
export function readySignature(model: Model): Signature {
  if (model.state === "READY" && model.signature !== undefined) return model.signature;
  if (model.state === "READY") {
    const { contract, revision } = model;
    const message = `model ${quote(contract)} revision ${quote(revision)} is a composition, which has no tensors`;
    throw new Fault("UNSUPPORTED", `${message}: call the methods of its contract`);
  }
  throw new Fault(
    "NOT_READY",
    `model ${quote(model.contract)} revision ${quote(model.revision)} is ${STANDINGS[model.state]}`,
  );
}
