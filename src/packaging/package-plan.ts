import { imageReference, runtimeReference } from "../fleet/names.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";

/** The images of a fleet, or of a part of it. */
export interface PackagePlan {
  /** What the others are built on. */
  readonly runtime: string;
  readonly contracts: readonly ContractImages[];
  /** Revisions whose image the fleet file names: it is somebody else's to build. */
  readonly left: readonly RevisionImage[];
}

export interface ContractImages {
  readonly contract: ContractSpec;
  readonly revisions: readonly RevisionImage[];
}

export interface RevisionImage {
  readonly contract: string;
  readonly revision: RevisionSpec;
  readonly image: string;
}

/**
 * What is to be built.
 * @param names `contract` or `contract/revision`; none: the whole fleet
 * @throws Error where the fleet has no such contract or revision, or its image is named by the fleet file
 */
export function planPackage(fleet: FleetSpec, names: readonly string[]): PackagePlan {
  for (const name of names) checkName(fleet, name);
  const wanted = new Set(names);
  const isWanted = (contract: string, revision: string) =>
    names.length === 0 || wanted.has(contract) || wanted.has(`${contract}/${revision}`);
  const all = fleet.contracts.map((contract) => ({
    contract,
    revisions: contract.revisions
      .filter((revision) => isWanted(contract.name, revision.name))
      .map((revision) => ({
        contract: contract.name,
        revision,
        image: imageReference(fleet.images, contract.name, revision),
      })),
  }));
  const own = all.map(({ contract, revisions }) => ({ contract, revisions: revisions.filter(isOwn) }));
  return {
    runtime: runtimeReference(fleet.images),
    contracts: own.filter(({ revisions }) => revisions.length > 0),
    left: all.flatMap(({ revisions }) => revisions.filter((revision) => !isOwn(revision))),
  };
}

function isOwn({ revision }: RevisionImage): boolean {
  return revision.image === undefined;
}

function checkName(fleet: FleetSpec, name: string): void {
  const [contractName, revisionName, ...rest] = name.split("/");
  const contract = fleet.contracts.find((candidate) => candidate.name === contractName);
  if (contract === undefined || rest.length > 0) {
    throw new Error(`${name}: expected a contract or contract/revision of the fleet; it has ${list(fleet.contracts)}`);
  }
  if (revisionName === undefined) return;
  const revision = contract.revisions.find((candidate) => candidate.name === revisionName);
  if (revision === undefined)
    throw new Error(`${contract.name} has no revision "${revisionName}"; it has ${list(contract.revisions)}`);
  if (revision.image === undefined) return;
  throw new Error(
    `${name}: the fleet file names its image, ${revision.image}; leave \`image\` out there to have it built here`,
  );
}

function list(things: readonly { readonly name: string }[]): string {
  return things.map(({ name }) => name).join(", ");
}
