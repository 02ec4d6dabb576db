import path from "node:path";
import { nextRevision } from "../fleet/edit.js";
import { type ContractChoices, type ContractPlan, planContract } from "./add-contract.js";
import { type FleetState, findContract, openFleetFile, withRevision } from "./add-fleet.js";
import { type CheckedModel, checkModel } from "./add-model.js";
import { type Copy, placeModel } from "./add-place.js";

/** What the user asks for. */
export interface AddRequest {
  /** The model's file. */
  readonly source: string;
  readonly contract: string;
  /** By default the next free one. */
  readonly revision: string | undefined;
  readonly choices: ContractChoices;
  /** Module that makes the contract's tensors. */
  readonly transform: string | undefined;
  /** Fleet file, or its folder. */
  readonly fleet: string;
  /** Command line that would add the model under another contract's name. */
  readonly commandFor: (contract: string, style: "record" | undefined) => string;
}

/** All that is to be done, worked out before anything is written. */
export interface AddPlan {
  readonly request: AddRequest;
  readonly state: FleetState;
  readonly revision: string;
  readonly sha256: string;
  /** Path of the model, relative to the fleet's folder. */
  readonly model: string;
  readonly copies: readonly Copy[];
  readonly contract: ContractPlan;
  /** Undefined where the fleet file has the model already. */
  readonly fleetText: string | undefined;
  /** The contract's other revisions get all the traffic. */
  readonly idle: boolean;
}

/**
 * Works out what adding a model means, and refuses what can't be.
 * @throws Error, FleetError, DraftError, ContractError with what is wrong and what to do
 */
export async function planAdd(request: AddRequest): Promise<AddPlan> {
  const { contract, source } = request;
  const state = openFleetFile(request.fleet);
  const model = await checkModel(source);
  const transform = placeTransform(request, state);
  const known = findContract(state, contract);
  const planned = await planContract({
    root: state.root,
    contract,
    source,
    model,
    choices: request.choices,
    transform: transform !== undefined || known?.transform !== undefined,
    commandFor: request.commandFor,
  });
  const same = known?.revisions.find((each) => each.sha256 === model.digest);
  if (same) {
    const served = toSlashes(path.relative(state.root, same.model));
    return {
      ...{ request, state, revision: same.name, sha256: model.digest, model: served, copies: [] },
      ...{ contract: planned, fleetText: undefined, idle: false },
    };
  }
  const revision = chooseRevision(request, known?.revisions ?? [], model);
  const place = await placeModel({ root: state.root, contract, revision, source, model });
  const added = { contract, revision, model: place.path, sha256: model.digest, transform };
  return {
    ...{ request, state, revision, sha256: model.digest, model: place.path, copies: place.copies },
    ...{ contract: planned, fleetText: withRevision(state, added), idle: known !== undefined },
  };
}

type KnownRevision = { readonly name: string; readonly sha256: string };

function chooseRevision(request: AddRequest, known: readonly KnownRevision[], model: CheckedModel): string {
  const next = nextRevision(known.map((revision) => revision.name));
  const { revision = next, contract, source } = request;
  const taken = known.find((each) => each.name === revision);
  if (!taken) return revision;
  throw new Error(
    `${contract} has a revision ${revision} already, another model (sha256 ${taken.sha256.slice(0, 12)}…, ${source} has ` +
      `${model.digest.slice(0, 12)}…); a revision never changes: leave --revision out and it becomes ${next}`,
  );
}

/** The transform's path relative to the fleet's folder. */
function placeTransform({ contract, transform }: AddRequest, state: FleetState): string | undefined {
  if (transform === undefined) return undefined;
  const relative = path.relative(state.root, path.resolve(transform));
  if (relative.startsWith("..") || path.isAbsolute(relative)) {
    throw new Error(`--transform ${transform} lies outside of the fleet's folder ${state.root}; put it there`);
  }
  const known = findContract(state, contract);
  if (known && known.transform !== path.join(state.root, relative)) {
    throw new Error(
      `${contract} is in ${state.file} with ${known.transform ?? "no transform"}; change it there by hand`,
    );
  }
  return toSlashes(relative);
}

function toSlashes(file: string): string {
  return file.split(path.sep).join("/");
}
