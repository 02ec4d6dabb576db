import type { Command } from "commander";
import { ApiResources } from "../../kubectl/api-resources.js";
import { Cluster } from "../../kubectl/cluster.js";
import { listContracts } from "../../kubectl/contract-objects.js";
import { KUBECTL_COMMANDS } from "./commands.js";

/** What a shell waits for at most. */
const LIMIT_MS = 3000;
/** Tells kubectl that file names are no completions here. */
const NO_FILES = ":4";
/** Options whose value is the next word. */
const NAMESPACE = new Set(["-n", "--namespace"]);

/**
 * Completes a command line for kubectl, which runs `kubectl_complete-flotilla` with the words after `kubectl flotilla`, the
 * last one as far as it is written: prints what it may become, a line each.
 * @see https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
 */
export async function completeMain(words: readonly string[]): Promise<void> {
  const begun = words.at(-1) ?? "";
  const candidates = await candidatesFor(words.slice(0, -1), begun);
  const fitting = [...new Set(candidates)].filter((candidate) => candidate.startsWith(begun));
  process.stdout.write(`${[...fitting, NO_FILES].join("\n")}\n`);
}

async function candidatesFor(before: readonly string[], begun: string): Promise<string[]> {
  const [verb, ...rest] = before;
  if (verb === undefined) return Object.keys(KUBECTL_COMMANDS);
  if (!Object.hasOwn(KUBECTL_COMMANDS, verb)) return [];
  const command = await KUBECTL_COMMANDS[verb]!();
  if (begun.startsWith("-")) return optionsOf(command);
  const choices = choicesAfter(command, rest.at(-1));
  return choices ?? (await positionals(command, rest));
}

function optionsOf(command: Command): string[] {
  return [...command.options.flatMap(({ long, short }) => [long, short]), "--help"].filter((name) => name != null);
}

/** Values of an option that takes one of a few; none of one that takes any. */
function choicesAfter(command: Command, last: string | undefined): string[] | undefined {
  const option = command.options.find(({ long, short }) => last !== undefined && (long === last || short === last));
  return option === undefined || option.isBoolean() || !option.required ? undefined : (option.argChoices ?? []);
}

/** Contracts of the cluster, and their revisions; what can't be asked is not completed. */
async function positionals(command: Command, rest: readonly string[]): Promise<string[]> {
  const given = rest.filter(
    (word, index) => !word.startsWith("-") && choicesAfter(command, rest[index - 1]) === undefined,
  );
  const verbs = given.length === 0 ? command.commands.map((below) => below.name()) : [];
  const [wanted] = given.filter((word) => !command.commands.some((below) => below.name() === word));
  const chosen = rest.findIndex((word) => NAMESPACE.has(word));
  const cluster = new Cluster({ timeoutMs: LIMIT_MS });
  try {
    const namespace = (chosen < 0 ? undefined : rest[chosen + 1]) ?? cluster.namespace;
    const contracts = await listContracts(cluster, new ApiResources(cluster), { namespace });
    if (wanted === undefined) return [...verbs, ...contracts.map(({ contract }) => contract)];
    const revisions = contracts.find(({ contract }) => contract === wanted)?.subsets.revisions ?? [];
    return [...revisions, "off"];
  } catch {
    // A shell has nowhere to show an error.
    return verbs;
  } finally {
    cluster.close();
  }
}
