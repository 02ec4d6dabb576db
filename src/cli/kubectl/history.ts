import { Command, Option } from "commander";
import type { HistoryEntry } from "../../kubectl/history.js";
import { observe } from "../../kubectl/observe.js";
import { onStdout } from "../colors.js";
import { type TargetOptions, withTarget, withTargetOptions } from "./target-options.js";

interface HistoryOptions extends TargetOptions {
  readonly output: "text" | "json";
}

const NOTES = `
The last thirty changes that were made with this plugin; those by \`kubectl apply\` are not among them.

Examples:
  kubectl flotilla history acme.tumor.v1 -n models
  kubectl flotilla history acme.tumor.v1 -o json | jq '.[-1]'`;

/** `kubectl flotilla history`. */
export function createHistoryCommand(): Command {
  const command = new Command("history")
    .description("Show who changed a contract's traffic, when, from what to what, and why.")
    .argument("<contract>", "acme.fraud.v1");
  return withTargetOptions(command)
    .addOption(new Option("-o, --output <format>", "how to print it").choices(["text", "json"]).default("text"))
    .addHelpText("after", NOTES)
    .action((contract: string, options: HistoryOptions) => {
      return withTarget(options, async (target, namespace) => {
        const { history } = (await observe(target, { contract, namespace })).situation.state;
        process.stdout.write(
          options.output === "json" ? `${JSON.stringify(history, null, 2)}\n` : historyText(history),
        );
      });
    });
}

function historyText(history: readonly HistoryEntry[]): string {
  if (history.length === 0) return "Nothing was changed with this plugin yet.\n";
  return history.map((entry) => `${entryText(entry)}\n`).join("");
}

function entryText({ at, who, verb, from, to, why }: HistoryEntry): string {
  const when = at.slice(0, 19).replace("T", " ");
  const change = from === to ? to : `${from} → ${onStdout.bold(to)}`;
  return [`${onStdout.dim(`${when} UTC`)}  ${verb}  ${change}`, `  by ${who}${why === "" ? "" : `: ${why}`}`].join(
    "\n",
  );
}
