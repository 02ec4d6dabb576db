import { Command } from "commander";
import { planPromote } from "../../kubectl/traffic-plan.js";
import { type ChangeOptions, changeTraffic, withChangeOptions } from "./change.js";

const NOTES = `
From then on it is the stable revision. The one before is remembered: \`kubectl flotilla rollback\` goes back to it.

Examples:
  kubectl flotilla promote acme.tumor.v1 r2 -n models
  kubectl flotilla promote acme.tumor.v1 r2 --yes --why "a week at 50 without a complaint"`;

/** `kubectl flotilla promote`. */
export function createPromoteCommand(): Command {
  const command = new Command("promote")
    .description("Give a revision all calls, and trust it from now on.")
    .argument("<contract>", "acme.fraud.v1")
    .argument("<revision>", "r2");
  return withChangeOptions(command)
    .addHelpText("after", NOTES)
    .action((contract: string, revision: string, options: ChangeOptions) => {
      return changeTraffic(contract, options, (situation) => planPromote(situation, revision));
    });
}
