import { Command } from "commander";
import { planShadow } from "../../kubectl/traffic-plan.js";
import { type ChangeOptions, changeTraffic, withChangeOptions } from "./change.js";
import { parsePercent } from "./target-options.js";

const NOTES = `
Nobody sees a shadow's answers, so that nobody is asked. \`kubectl flotilla status\` shows its errors and latency. Streams
are not copied.

Examples:
  kubectl flotilla shadow acme.tumor.v1 r3 20 -n models
  kubectl flotilla shadow acme.tumor.v1 r3 off`;

/** `kubectl flotilla shadow`. */
export function createShadowCommand(): Command {
  const command = new Command("shadow")
    .description("Give a revision copies of a share of the calls.")
    .argument("<contract>", "acme.fraud.v1")
    .argument("<revision>", "r3")
    .argument("<percent|off>", "of the calls", (text) => (text === "off" ? text : parsePercent(text)));
  return withChangeOptions(command)
    .addHelpText("after", NOTES)
    .action((contract: string, revision: string, percent: number | "off", options: ChangeOptions) => {
      const share = percent === "off" ? undefined : percent;
      return changeTraffic(contract, options, (situation) => planShadow(situation, revision, share));
    });
}
