import { Command, Option } from "commander";
import { bridgeFindings } from "../fleet/bridge-checks.js";
import { callerFindings } from "../fleet/caller-checks.js";
import { breakingContracts, lintContracts } from "../fleet/contract-checks.js";
import { type Finding, FleetError, formatFinding } from "../fleet/findings.js";
import { type LoadedFleet, openFleet } from "../fleet/load.js";
import { methodFindings } from "../fleet/method-checks.js";
import { contractServices } from "../fleet/services.js";
import { memoryFindings } from "./check-memory.js";
import { checkModels } from "./check-models.js";
import { onStdout } from "./colors.js";
import { fleetFile } from "./fleet-file.js";

interface CheckOptions {
  readonly against: string | undefined;
  readonly models: boolean;
  readonly output: "text" | "json";
}

/** What `flotilla check --output json` prints. */
interface CheckReport {
  readonly file: string;
  /** Absent where the fleet file itself could not be read. */
  readonly contracts?: number;
  readonly revisions?: number;
  readonly findings: readonly Finding[];
}

/** `flotilla check`: everything that can be known to be wrong with a fleet before it is served. */
export function createCheckCommand(): Command {
  return new Command("check")
    .description(
      "Check a fleet: its file, its contracts, every model against its contract, and what its pods are given.",
    )
    .argument("[path]", "fleet file, or its folder", "fleet.yaml")
    .option("--against <release>", "refuse changes that break callers of this git commit, branch or tag, or folder")
    .option("--no-models", "leave the models alone: check the fleet file and the contracts only")
    .addOption(new Option("--output <format>", "how to print findings").choices(["text", "json"]).default("text"))
    .addHelpText(
      "after",
      "\nExamples:\n  flotilla check\n  flotilla check fleet.yaml --against main\n  flotilla check --output json | jq -r '.findings[].message'",
    )
    .action(async (where: string, options: CheckOptions) => {
      const report = await checkFleet(where, options);
      process.stdout.write(options.output === "json" ? `${JSON.stringify(report, null, 2)}\n` : toText(report));
      if (report.findings.length > 0) process.exitCode = 1;
    });
}

async function checkFleet(where: string, options: CheckOptions): Promise<CheckReport> {
  const file = fleetFile(where);
  let loaded: LoadedFleet;
  try {
    loaded = openFleet(file);
  } catch (error) {
    return { file, findings: findingsOf(error) };
  }
  const { fleet } = loaded;
  const names = fleet.contracts.map((contract) => contract.name);
  return {
    file,
    contracts: names.length,
    revisions: fleet.contracts.reduce((sum, contract) => sum + contract.revisions.length, 0),
    findings: withoutRepeats([
      ...callerFindings(loaded),
      ...(await lintContracts(fleet.root, names)),
      ...(await breakingFindings(fleet.root, names, options.against)),
      ...(await unknownMethods(loaded, names)),
      ...(await checkModels(loaded, { open: options.models })),
      ...memoryFindings(loaded, { open: options.models }),
    ]),
  };
}

async function breakingFindings(root: string, names: readonly string[], against: string | undefined) {
  if (against === undefined) return [];
  return breakingContracts(root, names, { against }).catch(findingsOf);
}

async function unknownMethods(loaded: LoadedFleet, names: readonly string[]): Promise<readonly Finding[]> {
  return contractServices(loaded.fleet.root, names).then(
    (services) => [...methodFindings(loaded, services), ...bridgeFindings(loaded, services)],
    findingsOf,
  );
}

function findingsOf(error: unknown): readonly Finding[] {
  if (error instanceof FleetError) return error.findings;
  throw error;
}

/** A contract that does not compile is found by each step that compiles it. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [formatFinding(finding), finding])).values()];
}

function toText({ file, contracts, revisions, findings }: CheckReport): string {
  const count =
    findings.length === 0 ? onStdout.green("no findings") : onStdout.red(counted(findings.length, "finding"));
  const all =
    contracts === undefined ? "" : ` in ${counted(contracts, "contract")}, ${counted(revisions!, "revision")}`;
  return `${[...findings.map(formatFinding), `${file}: ${count}${all}`].join("\n")}\n`;
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
