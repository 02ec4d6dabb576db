import { Fault } from "../../contract/fault.js";
import type { Signature } from "../../contract/signature.js";
import type { Model, ModelState, Repository } from "../../serving/inference.js";
import { quote } from "./wire-text.js";

// No name of a model is longer; a longer one would not fit in the message that says it is unknown.
const MAX_NAME_LENGTH = 512;

/** Why there is no answer. What is wrong with a file is for those who can mend it, not for every caller. */
const STANDINGS: Record<ModelState, string> = {
  LOADING: "still loading; try again",
  READY: "not ready",
  FAILED: "not served: it could not be loaded; the server's log and RepositoryIndex say why",
  UNLOADED: "unloaded",
};

/**
 * Refuses a name that no model can have.
 * @throws Fault UNKNOWN_MODEL
 */
export function checkName(name: string): void {
  if (name.length > MAX_NAME_LENGTH) throw new Fault("UNKNOWN_MODEL", `unknown model ${quote(name)}`);
}

/**
 * The model that a caller names; without a version, the one the repository prefers.
 * @throws Fault UNKNOWN_MODEL, UNKNOWN_REVISION
 */
export function findModel(repository: Repository, name: string, version: string | undefined): Model {
  checkName(name);
  if (version !== undefined && version.length > MAX_NAME_LENGTH) {
    throw new Fault("UNKNOWN_REVISION", `model ${quote(name)}: unknown revision ${quote(version)}`);
  }
  return repository.find(name, version || undefined);
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
 * @throws Fault NOT_READY
 */
export function readySignature(model: Model): Signature {
  if (model.state === "READY" && model.signature !== undefined) return model.signature;
  throw new Fault(
    "NOT_READY",
    `model ${quote(model.contract)} revision ${quote(model.revision)} is ${STANDINGS[model.state]}`,
  );
}
