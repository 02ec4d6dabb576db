import path from "node:path";
import { Command, Option } from "commander";
import { applyPlan, type FolderPlan, planFolder } from "../../cdk8s/manifest-folder.js";
import { type Finding, FleetError, fileFinding, shownFile } from "../fleet/findings.js";
import { fleetFile } from "./fleet-file.js";
import { fleetManifests } from "./fleet-manifests.js";
import { failedReport, freshnessReport, type ManifestsReport, reportText, writtenReport } from "./manifests-report.js";

interface ManifestsOptions {
  readonly out: string | undefined;
  readonly check: boolean | undefined;
  readonly output: "text" | "json";
}

/** Where manifests go, relative to the fleet file. */
const FOLDER = "generated/manifests";
/** What `-o` says for stdout. */
const STDOUT = "-";

const EXAMPLES = `
The folder holds a kustomization, as does each contract's folder in it:
  kubectl apply -k ${FOLDER}                    install the fleet, or bring it up to date
  kubectl apply -k ${FOLDER}/acme.fraud.v1      one contract of it

Only files that changed are written. A file that was made before and is made no longer is removed; what was not made by
Flotilla is left alone.

Exit codes: 0 done, 1 findings in the fleet, or --check found the folder stale, 2 wrong usage.

Examples:
  flotilla manifests
  flotilla manifests --check                              in CI: what is committed is what the fleet file says
  flotilla manifests -o - | kubectl apply --server-side -f -`;

/** `flotilla manifests`: what a cluster needs for a fleet, as files. */
export function createManifestsCommand(): Command {
  return new Command("manifests")
    .description("Write the Kubernetes and Istio manifests of a fleet.")
    .argument("[path]", "fleet file, or its folder", "fleet.yaml")
    .option("-o, --out <folder>", `where to write; - for stdout (default: ${FOLDER} beside the fleet file)`)
    .option("--check", "write nothing; fail where the folder is not up to date")
    .addOption(new Option("--output <format>", "how to print the report").choices(["text", "json"]).default("text"))
    .addHelpText("after", EXAMPLES)
    .action(async (where: string, options: ManifestsOptions, command: Command) => {
      if (options.out === STDOUT && options.check) command.error("--check compares with a folder: leave -o - out");
      const report = await writeManifests(fleetFile(where), options);
      if (report === undefined) return;
      process.stdout.write(options.output === "json" ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
      if (report.findings.length > 0) process.exitCode = 1;
    });
}

/** @returns undefined where the manifests themselves went to stdout */
async function writeManifests(file: string, options: ManifestsOptions): Promise<ManifestsReport | undefined> {
  const made = await fleetManifests(file).catch(findingsOf);
  if ("findings" in made) {
    if (options.out === STDOUT) throw new FleetError(made.findings);
    return failedReport(file, made.findings);
  }
  if (options.out === STDOUT) {
    const texts = made.files.filter(({ objects }) => objects.length > 0).map(({ text }) => text);
    process.stdout.write(texts.join("---\n"));
    return undefined;
  }
  const folder = shownFile(path.resolve(options.out ?? path.join(made.fleet.root, FOLDER)));
  const plan = planFolder(folder, made.fleet.name, made.files);
  if (options.check) return freshnessReport(file, plan, checkFindings(plan, file));
  applyPlan(plan);
  return writtenReport(file, plan);
}

function findingsOf(error: unknown): { findings: readonly Finding[] } {
  if (error instanceof FleetError) return { findings: error.findings };
  throw error;
}

function checkFindings({ folder, missing, stale, extra }: FolderPlan, file: string): Finding[] {
  const fix = `run \`flotilla manifests ${shownFile(file)}\``;
  const finding = (name: string, message: string) => fileFinding(path.join(folder, name), message, fix);
  return [
    ...missing.map(({ path: name }) => finding(name, "is missing")),
    ...stale.map(({ path: name }) => finding(name, "is not what the fleet file says")),
    ...extra.map((name) => finding(name, "is of something that the fleet no longer has")),
  ];
}
