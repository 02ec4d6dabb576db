import { Command, InvalidArgumentError } from "commander";
import { CohortName, RevisionName } from "../../fleet/schema-values.js";
import type { Weight } from "../../kubectl/traffic.js";
import { planCohort } from "../../kubectl/traffic-plan.js";
import { type ChangeOptions, changeTraffic, withChangeOptions } from "./change.js";
import { parseWeight } from "./target-options.js";

const NOTES = `
Calls with the header \`x-flotilla-cohort: NAME\` go to the revision, whatever the weights are; or to several, by whole per
cent that add up to 100.

Examples:
  kubectl flotilla cohort acme.tumor.v1 beta r2 -n models
  kubectl flotilla cohort acme.tumor.v1 beta r1=80 r2=20
  kubectl flotilla cohort acme.tumor.v1 beta off`;

/** `kubectl flotilla cohort`. */
export function createCohortCommand(): Command {
  const command = new Command("cohort")
    .description("Give the callers of a cohort a revision of their own, or shares of several.")
    .argument("<contract>", "acme.fraud.v1")
    .argument("<name>", "of the cohort: beta", parseCohort)
    .argument("<goesTo...>", "r2, or r1=80 r2=20, or off", parseShare);
  return withChangeOptions(command)
    .addHelpText("after", NOTES)
    .action((contract: string, cohort: string, goesTo: readonly Share[], options: ChangeOptions) => {
      const weights = weightsOf(goesTo, command);
      return changeTraffic(contract, options, (situation) => planCohort(situation, cohort, weights));
    });
}

/** One of the words that say where a cohort's calls go. */
interface Share {
  /** `off` alone: nowhere of their own. */
  readonly revision: string;
  /** Undefined: all. */
  readonly percent: number | undefined;
}

function parseShare(text: string, before: readonly Share[] = []): Share[] {
  const [revision = "", percent] = text.split("=", 2);
  const { error } = RevisionName.safeParse(revision);
  if (error !== undefined) throw new InvalidArgumentError(error.issues[0]!.message);
  if (before.some((share) => share.revision === revision)) throw new InvalidArgumentError("it is named twice");
  return [...before, { revision, percent: percent === undefined ? undefined : parseWeight(percent) }];
}

/** Undefined: the cohort's calls go where all others go. */
function weightsOf(goesTo: readonly Share[], command: Command): Weight[] | undefined {
  const [first, ...others] = goesTo;
  if (first?.percent === undefined && others.length === 0) {
    return first!.revision === "off" ? undefined : [{ revision: first!.revision, percent: 100 }];
  }
  const sum = goesTo.reduce((total, { percent = 0 }) => total + percent, 0);
  const bare = goesTo.find(({ percent }) => percent === undefined);
  if (bare !== undefined) command.error(`error: ${bare.revision} has no share; write it as ${bare.revision}=20`);
  if (sum !== 100) command.error(`error: the shares add up to ${sum}, expected 100`);
  return goesTo.map(({ revision, percent = 0 }) => ({ revision, percent }));
}

function parseCohort(name: string): string {
  const { error, data } = CohortName.safeParse(name);
  if (error === undefined) return data;
  throw new InvalidArgumentError(error.issues[0]!.message);
}
