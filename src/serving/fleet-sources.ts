import path from "node:path";
import { type Contract, ContractError, loadContract } from "../contract/contract.js";
import { type Environment, withEnvironment } from "../fleet/environment.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";
import type { ModelSettings } from "./served-model.js";
import type { ContractSource } from "./served-repository.js";

/** How long a step of a transform may take, waiting for others included. */
export const TRANSFORM_STEP_LIMIT_MS = 20_000;

/** Which part of a fleet one server serves; undefined is all. */
export interface Selection {
  readonly contract: string;
  readonly revision: string | undefined;
}

/** How a fleet becomes sources. */
export interface FleetSourceOptions {
  readonly selection: Selection | undefined;
  /** Threads of a run, for revisions that do not say. */
  readonly threads: number;
  /** The serialized `FileDescriptorSet` of a contract. */
  readonly readImage: (contract: string) => Promise<Uint8Array>;
  /** Settings of the one revision that `selection` names, before those of the fleet file; otherwise nothing is read. */
  readonly environment: Environment;
}

/**
 * The models of a fleet, as a repository takes them. A contract that can't be read becomes a problem of its models.
 * @throws Error that names what can't be used of the environment
 */
export async function fleetSources(fleet: FleetSpec, options: FleetSourceOptions): Promise<ContractSource[]> {
  const { selection } = options;
  const contracts = fleet.contracts.filter((contract) => !selection || contract.name === selection.contract);
  return Promise.all(contracts.map((contract) => contractSource(fleet, contract, options)));
}

async function contractSource(
  fleet: FleetSpec,
  spec: ContractSpec,
  options: FleetSourceOptions,
): Promise<ContractSource> {
  const revisions = selectedRevisions(spec, options);
  let contract: Contract | undefined;
  let problem: string | undefined;
  try {
    contract = loadContract(await options.readImage(spec.name), spec.name);
    problem = mismatch(contract, spec);
  } catch (error) {
    problem =
      error instanceof ContractError
        ? error.message
        : `${spec.name}: its contract can't be read: ${(error as Error).message}`;
  }
  const usable = problem === undefined ? contract : undefined;
  return {
    name: spec.name,
    contract: usable,
    problem,
    models: revisions.map((revision) =>
      modelSettings(fleet, spec, revision, { contract: usable, threads: options.threads }),
    ),
    defaultRevision: defaultRevision(spec, revisions),
  };
}

function selectedRevisions({ revisions }: ContractSpec, { selection, environment }: FleetSourceOptions) {
  const name = selection?.revision;
  if (name === undefined) return revisions;
  return revisions
    .filter((revision) => revision.name === name)
    .map((revision) => withEnvironment(revision, environment));
}

function mismatch(contract: Contract, spec: ContractSpec): string | undefined {
  if (contract.signature && spec.transform) {
    return `${spec.name}: its messages are bound to tensors and the fleet file names a transform; leave one of them out`;
  }
  if (!contract.signature && !spec.transform) {
    return `${spec.name}: no field of its messages is bound to a tensor, and the fleet file names no \`transform\``;
  }
  return undefined;
}

function modelSettings(
  fleet: FleetSpec,
  spec: ContractSpec,
  revision: RevisionSpec,
  { contract, threads }: { contract: Contract | undefined; threads: number },
): ModelSettings {
  const carries = (contract?.states.length ?? 0) > 0;
  const batching = carries ? { maxRows: 1, maxDelayMs: 0 } : revision.batching;
  // Warming up tries a unary method where there is one.
  const method = contract?.methods.find((candidate) => candidate.kind === "unary") ?? contract?.methods[0];
  return {
    contract: spec.name,
    revision: revision.name,
    workers: revision.workers,
    queueSize: revision.queueSize,
    batching,
    worker: {
      label: `${spec.name}/${revision.name}`,
      modelPath: revision.model,
      modelRoot: modelRoot(fleet, revision),
      sha256: revision.sha256,
      threads: revision.threads ?? threads,
      signature: contract?.signature,
      transform:
        spec.transform && contract && method
          ? {
              path: path.resolve(fleet.root, spec.transform),
              image: contract.image,
              requestType: method.requestType,
              responseType: method.responseType,
              stepLimitMs: TRANSFORM_STEP_LIMIT_MS,
            }
          : undefined,
    },
  };
}

/** The fleet file names no model outside of its folder; the environment may, where one is mounted. */
function modelRoot({ root }: FleetSpec, { model }: RevisionSpec): string {
  const isOutside = path.relative(root, model).split(path.sep)[0] === "..";
  return isOutside ? path.dirname(model) : root;
}

/** The first revision that the traffic table names and this server has; a server of one revision has but that. */
function defaultRevision(spec: ContractSpec, revisions: readonly RevisionSpec[]): string {
  const served = new Set(revisions.map((revision) => revision.name));
  const first = spec.traffic.find((weight) => served.has(weight.revision));
  return first?.revision ?? revisions[0]?.name ?? "";
}
