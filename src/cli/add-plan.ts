import path from "node:path";
import { nextRevision } from "../fleet/edit.js";
import { type ContractChoices, type ContractPlan, planContract } from "./add-contract.js";
import { type FleetState, findContract, withRevision } from "./add-fleet.js";
import { checkModel } from "./add-model.js";
import { type Copy, placeModel } from "./add-place.js";

/** What the user asks for. */
export interface AddRequest {
  /** The model's file, or a composition's module. */
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
  readonly kind: "model" | "module";
  /** Its path, relative to the fleet's folder. */
  readonly file: string;
  readonly copies: readonly Copy[];
  readonly contract: ContractPlan;
  /** Undefined where the fleet file has it already. */
  readonly fleetText: string | undefined;
  /** The contract's other revisions get all the traffic. */
  readonly idle: boolean;
}

/**
 * Works out what adding a model means, and refuses what can't be.
 * @throws Error, FleetError, DraftError, ContractError with what is wrong and what to do
 */
export async function planModel(request: AddRequest, state: FleetState): Promise<AddPlan> {
  const { contract, source } = request;
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
  if (same?.model !== undefined) {
    const served = toSlashes(path.relative(state.root, same.model));
    return {
      ...{ request, state, revision: same.name, sha256: model.digest, kind: "model", file: served, copies: [] },
      ...{ contract: planned, fleetText: undefined, idle: false },
    };
  }
  const revision = chooseRevision(request, known?.revisions ?? [], model.digest);
  const place = await placeModel({ root: state.root, contract, revision, source, model });
  const added = { contract, revision, says: { model: place.path }, sha256: model.digest, isNew: { transform } };
  return {
    ...{ request, state, revision, sha256: model.digest, kind: "model", file: place.path, copies: place.copies },
    ...{ contract: planned, fleetText: withRevision(state, added), idle: known !== undefined },
  };
}

type KnownRevision = { readonly name: string; readonly sha256: string };

/**
 * The name of the new revision: what the user says, or the next free one.
 * @throws Error where it is taken
 */
export function chooseRevision(request: AddRequest, known: readonly KnownRevision[], sha256: string): string {
  const next = nextRevision(known.map((revision) => revision.name));
  const { revision = next, contract, source } = request;
  const taken = known.find((each) => each.name === revision);
  if (!taken) return revision;
  throw new Error(
    `${contract} has a revision ${revision} already, another one (sha256 ${taken.sha256.slice(0, 12)}…, ${source} has ` +
      `${sha256.slice(0, 12)}…); a revision never changes: leave --revision out and it becomes ${next}`,
  );
}

/** The transform's path relative to the fleet's folder. */
function placeTransform({ contract, transform }: AddRequest, state: FleetState): string | undefined {
  if (transform === undefined) return undefined;
  const relative = insideFleet(state, path.resolve(transform), `--transform ${transform}`);
  const known = findContract(state, contract);
  if (known && known.transform !== path.join(state.root, relative)) {
    throw new Error(
      `${contract} is in ${state.file} with ${known.transform ?? "no transform"}; change it there by hand`,
    );
  }
  return relative;
}

/**
 * The path of a file relative to the fleet's folder, with slashes.
 * @param said the file as the user named it
 * @throws Error where it lies elsewhere
 */
export function insideFleet({ root }: FleetState, file: string, said: string): string {
  const relative = path.relative(root, file);
  if (relative.startsWith("..") || path.isAbsolute(relative)) {
    throw new Error(`${said} lies outside of the fleet's folder ${root}; put it there`);
  }
  return toSlashes(relative);
}

function toSlashes(file: string): string {
  return file.split(path.sep).join("/");
}
