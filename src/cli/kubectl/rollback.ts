import { Command } from "commander";
import { planRollback } from "../../kubectl/traffic-plan.js";
import { type ChangeOptions, changeTraffic, withChangeOptions } from "./change.js";

const NOTES = `
Gives the stable revision all calls; where it has them, the one before it. A roll-out that is under way ends. Callers'
proxies have the change in about a second.

Examples:
  kubectl flotilla rollback acme.tumor.v1 -n models
  kubectl flotilla rollback acme.tumor.v1 --yes --why "complaints from the clinic"`;

/** `kubectl flotilla rollback`. */
export function createRollbackCommand(): Command {
  const command = new Command("rollback")
    .description("Give all calls back to the last stable revision.")
    .argument("<contract>", "acme.fraud.v1");
  return withChangeOptions(command)
    .addHelpText("after", NOTES)
    .action((contract: string, options: ChangeOptions) => changeTraffic(contract, options, planRollback));
}
