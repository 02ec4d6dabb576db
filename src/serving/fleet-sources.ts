import path from "node:path";
import { type Contract, ContractError, loadContract } from "../contract/contract.js";
import { type CalleeSpec, type CompositionBudget, compositionBudget } from "../fleet/composition-budget.js";
import { withCompositionEnvironment } from "../fleet/composition-environment.js";
import { type Environment, withEnvironment } from "../fleet/environment.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";
import { STREAM_KEY, withStreamEnvironment } from "../fleet/stream-environment.js";
import type { Callee, CompositionSettings } from "./composition-settings.js";
import type { ModelSettings } from "./served-model.js";
import type { ContractSource, SourceSettings } from "./served-repository.js";
import type { StreamSettings } from "./stream-settings.js";

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
  /** Threads that the runs of all workers of a revision use together, for revisions that do not say how many one uses. */
  readonly threads: number;
  /** The serialized `FileDescriptorSet` of a contract. */
  readonly readImage: (contract: string) => Promise<Uint8Array>;
  /** Settings of the one revision that `selection` names, before those of the fleet file; otherwise nothing is read. */
  readonly environment: Environment;
  /** Where contracts are that this server's compositions call, as `host:port`, before what the environment says. */
  readonly addresses?: ReadonlyMap<string, string>;
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
  const { contract, problem = contract && mismatch(contract, spec) } = await readContract(spec.name, options);
  const usable = problem === undefined ? contract : undefined;
  const composed = revisions.some(({ module }) => module !== undefined);
  const budget = composed ? await readBudget(fleet, spec, options) : undefined;
  return {
    name: spec.name,
    contract: usable,
    problem,
    models: revisions.map((revision): SourceSettings => {
      if (revision.module !== undefined)
        return compositionSettings(spec.name, revision, { ...budget!, service: usable });
      return modelSettings(fleet, spec, revision, { contract: usable, threads: options.threads });
    }),
    defaultRevision: defaultRevision(spec, revisions),
    releases: spec.releases,
    streams: readStreams(spec, options),
  };
}

async function readContract(
  name: string,
  { readImage }: FleetSourceOptions,
): Promise<{ readonly contract?: Contract; readonly problem?: string }> {
  try {
    return { contract: loadContract(await readImage(name), name) };
  } catch (error) {
    if (error instanceof ContractError) return { problem: error.message };
    return { problem: `${name}: its contract can't be read: ${(error as Error).message}` };
  }
}

type ReadBudget = Omit<CompositionBudget, "callees"> & { readonly callees: readonly Callee[] };

/** What a contract's compositions may take; of a server that serves others too, nothing of the environment. */
async function readBudget(fleet: FleetSpec, spec: ContractSpec, options: FleetSourceOptions): Promise<ReadBudget> {
  const said = compositionBudget(fleet, spec);
  const isAlone = options.selection?.revision !== undefined;
  const budget = isAlone ? withCompositionEnvironment(said, options.environment) : said;
  return { ...budget, callees: await Promise.all(budget.callees.map((callee) => readCallee(callee, options))) };
}

/** The key is read whatever is served: it is in no fleet file. */
function readStreams({ streams }: ContractSpec, { selection, environment }: FleetSourceOptions): StreamSettings {
  const isAlone = selection?.revision !== undefined;
  const limits = isAlone ? withStreamEnvironment(streams, environment) : streams;
  return { ...limits, key: environment[STREAM_KEY] };
}

async function readCallee(callee: CalleeSpec, options: FleetSourceOptions): Promise<Callee> {
  const { contract, problem } = await readContract(callee.contract, options);
  return { ...callee, address: options.addresses?.get(callee.contract) ?? callee.address, service: contract, problem };
}

function compositionSettings(
  contract: string,
  { name, module, sha256, queueSize }: RevisionSpec,
  budget: ReadBudget & { readonly service: Contract | undefined },
): CompositionSettings {
  return { contract, revision: name, module: module!, sha256, queueSize, ...budget };
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
  const composed = spec.revisions.filter(({ module }) => module !== undefined);
  if (contract.signature && composed.length > 0) {
    return `${spec.name}: its messages are bound to tensors, and ${composed[0]!.name} is a composition; leave the bindings out, with a transform for revisions that are models`;
  }
  if (!contract.signature && !spec.transform && composed.length < spec.revisions.length) {
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
      modelPath: revision.model!,
      modelRoot: modelRoot(fleet, revision),
      sha256: revision.sha256,
      threads: revision.threads ?? Math.max(1, Math.floor(threads / revision.workers)),
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
  const isOutside = path.relative(root, model!).split(path.sep)[0] === "..";
  return isOutside ? path.dirname(model!) : root;
}

/** The first revision that the traffic table names and this server has; a server of one revision has but that. */
function defaultRevision(spec: ContractSpec, revisions: readonly RevisionSpec[]): string {
  const served = new Set(revisions.map((revision) => revision.name));
  const first = spec.traffic.find((weight) => served.has(weight.revision));
  return first?.revision ?? revisions[0]?.name ?? "";
}
