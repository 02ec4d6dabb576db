import { Command } from "commander";
import { planCanary } from "../../kubectl/traffic-plan.js";
import { type ChangeOptions, changeTraffic, withChangeOptions } from "./change.js";
import { parseWeight } from "./target-options.js";

const NOTES = `
The stable revision has the rest. It is the one that was promoted last, or had most of the calls when the plugin first
touched the contract; \`kubectl flotilla rollback\` gives it all calls again.

Examples:
  kubectl flotilla canary acme.tumor.v1 r2 5 -n models
  kubectl flotilla canary acme.tumor.v1 r2 25 --why "no complaints at 5" --yes
  kubectl flotilla canary acme.tumor.v1 r2 50 --dry-run`;

/** `kubectl flotilla canary`. */
export function createCanaryCommand(): Command {
  const command = new Command("canary")
    .description("Give a revision a share of the calls.")
    .argument("<contract>", "acme.fraud.v1")
    .argument("<revision>", "r2")
    .argument("<percent>", "from 1 to 100", parseWeight);
  return withChangeOptions(command)
    .addHelpText("after", NOTES)
    .action((contract: string, revision: string, percent: number, options: ChangeOptions) => {
      return changeTraffic(contract, options, (situation) => planCanary(situation, revision, percent));
    });
}
