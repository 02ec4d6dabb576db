import { type PathStep, show } from "./findings.js";
import { callsOf } from "./mesh-rules.js";
import { nearest } from "./nearest.js";
import { type ContractUnderRules, checkRevisionName, parsed, part, type RuleReport } from "./rule-report.js";
import { ReleasesSchema } from "./schema.js";

/** Releases hold revisions that are there, and with a contract all those that it calls. */
export function checkReleases(spec: unknown, all: readonly ContractUnderRules[], report: RuleReport): void {
  const contracts = new Map(all.map((under) => [part(under.contract, "name"), under]));
  for (const [release, revisions] of Object.entries(parsed(ReleasesSchema, part(spec, "releases")) ?? {})) {
    for (const [contract, revision] of Object.entries(revisions)) {
      const path = ["spec", "releases", release, contract];
      const under = contracts.get(contract);
      if (under === undefined) reportUnknown(contract, { path, contracts, report });
      else {
        checkRevisionName(revision, path, under);
        checkMember({ under, contract, path, held: Object.keys(revisions) });
      }
    }
  }
}

function reportUnknown(
  contract: string,
  { path, contracts, report }: { path: PathStep[]; contracts: ReadonlyMap<unknown, unknown>; report: RuleReport },
): void {
  const names = [...contracts.keys()].filter((name) => typeof name === "string");
  const meant = nearest(contract, names);
  const fix = meant === undefined ? `the fleet has ${names.join(", ")}` : `did you mean ${meant}?`;
  report.addAtKey(path, `no contract is called ${show(contract)}`, fix);
}

interface Membership {
  readonly under: ContractUnderRules;
  readonly contract: string;
  readonly path: readonly PathStep[];
  /** The contracts that the release holds. */
  readonly held: readonly string[];
}

/** A call that names the release goes on to whom the contract calls, and the mesh has to lead it there. */
function checkMember({ under, contract, path, held }: Membership): void {
  const { report } = under;
  const release = String(path.at(-2));
  const missing = callsOf(under.contract).filter((callee) => !held.includes(callee));
  if (missing.length > 0) {
    const message = `${contract} calls ${missing.join(", ")}, which the release does not hold`;
    report.addAtKey(path, message, `add ${missing.map((callee) => `${callee}: …`).join(", ")} to ${release}`);
  }
  if (part(part(under.contract, "delivery"), "engine") !== "flagger") return;
  report.addAtKey(path, "Flagger's routes know no releases", "leave the contract out, or write engine: argo");
}
