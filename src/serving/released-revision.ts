import { Fault } from "../contract/fault.js";
import { releaseLedTo } from "../telemetry/trace.js";
import type { NamedRelease, Wanted } from "./inference.js";
import { shorten } from "./shorten.js";

/** What has to be known of a contract to tell whether a release leads to what a server has of it. */
export interface ReleasedContract {
  readonly name: string;
  /** Revision by release, as the server's own fleet file says; that of an image says nothing of releases. */
  readonly releases: ReadonlyMap<string, string>;
  /** What the server serves of it. */
  readonly models: readonly { readonly revision: string }[];
}

/**
 * The revision that the release of a call has of a contract. What the server knows of the release itself goes before what
 * the mesh says: a pod knows no releases, so that a new one restarts none, and takes those calls alone that a release's
 * route led to it.
 * @returns undefined where the call names no release
 * @throws Fault OUTSIDE_RELEASE where no revision of the release can answer here
 */
export function releasedRevision(contract: ReleasedContract, { revision, release }: Wanted): string | undefined {
  if (release === undefined) return undefined;
  const held = contract.releases.get(release.name) ?? revisionLedTo(contract.name, release);
  if (held === undefined)
    throw outside(`${said(release.name)} does not lead to ${contract.name}: ${whatToName(contract)}`);
  const has = `${said(release.name)} has ${contract.name} ${shorten(held)}`;
  if (revision && revision !== held) {
    throw outside(`${has}, and the call asks for ${shorten(revision)}: send one of the two`);
  }
  if (contract.models.some((served) => served.revision === held)) return held;
  const here = contract.models.map((served) => served.revision).join(", ");
  throw outside(`${has}, and this server serves ${here}`);
}

/** What the mesh says, where it says it of this contract. */
function revisionLedTo(contract: string, { ledTo }: NamedRelease): string | undefined {
  const said = releaseLedTo(contract, "");
  return ledTo?.startsWith(said) ? ledTo.slice(said.length) : undefined;
}

function whatToName({ releases }: ReleasedContract): string {
  if (releases.size > 0) return `it is in ${[...releases.keys()].join(", ")}`;
  return "name one that the fleet file has, with this contract in it, and no pin of the contract beside it";
}

function said(release: string): string {
  return `release "${shorten(release)}"`;
}

function outside(message: string): Fault {
  return new Fault("OUTSIDE_RELEASE", message);
}
