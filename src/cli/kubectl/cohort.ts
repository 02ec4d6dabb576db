import { Command, InvalidArgumentError } from "commander";
import { CohortName } from "../../fleet/schema-values.js";
import { planCohort } from "../../kubectl/traffic-plan.js";
import { type ChangeOptions, changeTraffic, withChangeOptions } from "./change.js";

const NOTES = `
Calls with the header \`x-flotilla-cohort: NAME\` go to the revision, whatever the weights are.

Examples:
  kubectl flotilla cohort acme.tumor.v1 beta r2 -n models
  kubectl flotilla cohort acme.tumor.v1 beta off`;

/** `kubectl flotilla cohort`. */
export function createCohortCommand(): Command {
  const command = new Command("cohort")
    .description("Give the callers of a cohort a revision of their own.")
    .argument("<contract>", "acme.fraud.v1")
    .argument("<name>", "of the cohort: beta", parseCohort)
    .argument("<revision|off>", "r2");
  return withChangeOptions(command)
    .addHelpText("after", NOTES)
    .action((contract: string, cohort: string, revision: string, options: ChangeOptions) => {
      const goesTo = revision === "off" ? undefined : revision;
      return changeTraffic(contract, options, (situation) => planCohort(situation, cohort, goesTo));
    });
}

function parseCohort(name: string): string {
  const { error, data } = CohortName.safeParse(name);
  if (error === undefined) return data;
  throw new InvalidArgumentError(error.issues[0]!.message);
}
