import type {
  ModelRepositoryParameter,
  RepositoryIndexRequest,
  RepositoryIndexResponse,
} from "../../../generated/ts/inference/grpc_service.js";
import { Fault } from "../../contract/fault.js";
import type { Model, ModelState, Repository } from "../../serving/inference.js";
import { quote } from "./wire-text.js";

const STATES: Record<ModelState, string> = {
  LOADING: "LOADING",
  READY: "READY",
  FAILED: "UNAVAILABLE",
  UNLOADED: "UNAVAILABLE",
};

/** A load or an unload that a caller asks for. */
export interface ControlRequest {
  readonly repositoryName: string;
  readonly modelName: string;
  readonly parameters: { readonly [key: string]: ModelRepositoryParameter };
}

/** Every revision of every model, and how it is; only those that take calls where `ready` is set. */
export function repositoryIndex(repository: Repository, request: RepositoryIndexRequest): RepositoryIndexResponse {
  checkRepositoryName(request.repositoryName);
  const models = request.ready ? repository.models.filter(({ state }) => state === "READY") : repository.models;
  return {
    models: models.map((model) => ({
      name: model.contract,
      version: model.revision,
      state: STATES[model.state],
      reason: toReason(model),
    })),
  };
}

/** Loads a model, or loads it anew. @throws Fault NOT_ALLOWED, UNSUPPORTED, UNKNOWN_MODEL, NOT_READY */
export async function loadModel(repository: Repository, request: ControlRequest, allowed: boolean): Promise<void> {
  checkAllowed(allowed, "load", request.modelName);
  checkRepositoryName(request.repositoryName);
  const [parameter] = Object.keys(request.parameters);
  if (parameter !== undefined) {
    throw new Fault(
      "UNSUPPORTED",
      `load of model ${quote(request.modelName)}: parameter ${quote(parameter)} is not supported: ` +
        "a model is what the fleet file or the repository's folder says; change that and load again",
    );
  }
  await repository.load(request.modelName);
}

/** Takes a model out of service. @throws Fault NOT_ALLOWED, UNKNOWN_MODEL */
export async function unloadModel(repository: Repository, request: ControlRequest, allowed: boolean): Promise<void> {
  checkAllowed(allowed, "unload", request.modelName);
  checkRepositoryName(request.repositoryName);
  await repository.unload(request.modelName);
}

function checkAllowed(allowed: boolean, verb: string, modelName: string): void {
  if (allowed) return;
  throw new Fault(
    "NOT_ALLOWED",
    `${verb} of model ${quote(modelName)} refused: start the server with --allow-repository-control to allow it`,
  );
}

function checkRepositoryName(name: string): void {
  if (name === "") return;
  throw new Fault("UNKNOWN_MODEL", `unknown repository ${quote(name)}: this server has one, leave the name empty`);
}

function toReason(model: Model): string {
  if (model.state === "READY") return model.resident === false ? "not in memory; the next call loads it" : "";
  return model.problem ?? (model.state === "UNLOADED" ? "unloaded" : "");
}
