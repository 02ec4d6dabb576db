import { Command, InvalidArgumentError, Option } from "commander";
import { checkContractName } from "../contract/contract-name.js";
import { RevisionName } from "../fleet/schema.js";
import { applyPlan } from "./add-apply.js";
import { isModule, planComposition } from "./add-composition.js";
import type { ContractChoices } from "./add-contract.js";
import { openFleetFile } from "./add-fleet.js";
import { type AddRequest, planModel } from "./add-plan.js";
import { jsonReport, textReport } from "./add-report.js";
import { invocation } from "./invocation.js";

interface AddOptions extends ContractChoices {
  readonly as: string;
  readonly revision: string | undefined;
  readonly transform: string | undefined;
  readonly fleet: string;
  readonly dryRun: boolean;
  readonly output: "text" | "json";
}

const EXAMPLES = `
Examples:
  flotilla add fraud.onnx --as acme.fraud.v1 --columns amount,age --labels legit,fraud
  flotilla add better.onnx --as acme.fraud.v1
  flotilla add detector.onnx --as acme.detector.v1 --dry-run
  flotilla add models/reader/r1.ts --as acme.reader.v1     a composition, which calls contracts of the fleet`;

/**
 * `flotilla add`: makes a contract of a model or a composition, or checks that it fits the one there is, and adds it to the
 * fleet.
 */
export function createAddCommand(): Command {
  return new Command("add")
    .description(
      "Add a model, or a composition of other contracts, to a fleet: write its contract, or check that it fits the one there is.",
    )
    .argument("<file>", "the model, .onnx, or a composition's module in the fleet's folder, .ts, .js or .mjs")
    .requiredOption("--as <contract>", "the contract: a protobuf package with a version, acme.fraud.v1", parseContract)
    .option(
      "--revision <name>",
      "its name among the revisions of the contract (default: the next of r1, r2, …)",
      parseRevision,
    )
    .addOption(
      new Option(
        "--style <style>",
        "fields for columns, or whole tensors (default: what the model's inputs look like)",
      ).choices(["record", "tensor"]),
    )
    .option("--columns <names>", "names of the columns of the model's inputs, in order: amount,age", parseList)
    .option("--labels <names>", "names of the classes, in the order of the model's scores: legit,fraud", parseList)
    .addOption(
      new Option(
        "--integers <width>",
        "whole numbers on the wire: short, or not to be decoded (default: varint)",
      ).choices(["varint", "fixed"]),
    )
    .option("--transform <path>", "module that turns requests into tensors; the contract's messages are then yours")
    .option("--fleet <path>", "fleet file, or its folder; made if it is not there", "fleet.yaml")
    .option("--dry-run", "print what would be written, and write nothing", false)
    .addOption(new Option("--output <format>", "how to print what was done").choices(["text", "json"]).default("text"))
    .addHelpText("after", EXAMPLES)
    .action(add);
}

async function add(source: string, options: AddOptions): Promise<void> {
  const state = openFleetFile(options.fleet);
  const plan = await (isModule(source) ? planComposition : planModel)(toRequest(source, options), state);
  if (!options.dryRun) await applyPlan(plan);
  const report = options.output === "json" ? jsonReport : textReport;
  process.stdout.write(await report(plan, options.dryRun));
}

function toRequest(source: string, options: AddOptions): AddRequest {
  const { style, columns, labels, integers, revision, transform, fleet } = options;
  return {
    ...{ source, contract: options.as, revision, transform, fleet },
    choices: { style, columns, labels, integers },
    commandFor: (contract, like) => commandLine(source, { ...options, as: contract, style: style ?? like }),
  };
}

/** The command again, under another contract's name. Columns are left out: what does not fit may have others. */
function commandLine(source: string, { as, style, labels, integers, transform, fleet }: AddOptions): string {
  const options = {
    as,
    style,
    labels: labels?.join(","),
    integers,
    transform,
    fleet: fleet === "fleet.yaml" ? undefined : fleet,
  };
  const said = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return `${invocation()} ${["add", source, ...said].map(quote).join(" ")}`;
}

/** A word as a shell takes it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function parseContract(name: string): string {
  const problem = checkContractName(name);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return name;
}

function parseRevision(name: string): string {
  const parsed = RevisionName.safeParse(name);
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]!.message);
  return name;
}

function parseList(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("expected names with commas between them, such as amount,age");
  return names;
}
