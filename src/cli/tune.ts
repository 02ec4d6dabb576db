import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { loadFleet } from "../fleet/load.js";
import type { ContractSpec, FleetSpec, RevisionSpec } from "../fleet/spec.js";
import { measureRuns } from "../serving/measure-runs.js";
import { usableProcessors } from "../serving/processors.js";
import { recommend } from "../serving/tuning.js";
import { parseCount } from "./number-options.js";
import { Progress } from "./progress.js";
import { parseDuration } from "./target.js";
import { tuneJson, tuneText, tuneYaml } from "./tune-report.js";

interface TuneOptions {
  readonly fleet: string;
  readonly latency: number;
  readonly processors: number;
  readonly maxRows: number;
  readonly free?: number;
  readonly budget: number;
  readonly write?: string;
  readonly output: "table" | "json";
}

const HELP = `
It runs the model alone in this process; run it where the model will be served, and nothing else meanwhile. A call's
latency counts the rest of a run that has begun, the delay, and its own run. With a transform, its own work is not in it.

Examples:
  flotilla tune acme.tumor.v1/r2
  flotilla tune acme.tumor.v1/r2 --latency 5ms --processors 4 --write tuned.yaml
  flotilla tune acme.embedding.v1/r1 --fleet fleet.full.yaml --free 32 --output json`;

/** `flotilla tune`: measures a model and recommends how to serve it. */
export function createTuneCommand(): Command {
  return new Command("tune")
    .description("Measure a model at many batch sizes and threads, and recommend settings for a latency.")
    .argument("<contract/revision>", "which model, acme.fraud.v1/r1")
    .option("--fleet <file>", "fleet file that names it", "fleet.yaml")
    .addOption(new Option("--latency <duration>", "what a call may take").argParser(parseDuration).default(50, "50ms"))
    .addOption(
      new Option("--processors <count>", "processors that a pod has (default: what this process may use)")
        .argParser(parseCount)
        .default(usableProcessors()),
    )
    .option("--max-rows <count>", "largest batch that is tried", parseCount, 64)
    .option("--free <size>", "size of free dimensions beside the rows, such as tokens", parseCount)
    .addOption(
      new Option("--budget <duration>", "how long each setting is measured")
        .argParser(parseDuration)
        .default(300, "300ms"),
    )
    .option("--write <file>", "write the settings, as fields of a revision in the fleet file")
    .addOption(new Option("--output <format>", "how to print the figures").choices(["table", "json"]).default("table"))
    .addHelpText("after", HELP)
    .action(tune);
}

async function tune(name: string, options: TuneOptions): Promise<void> {
  const { processors, latency, maxRows } = options;
  const fleet = loadFleet(options.fleet);
  const { contract, revision } = findRevision(fleet, name);
  if (revision.model === undefined) throw new Error(`${name} is a composition: tune the models that it calls`);
  const threads = powersOfTwo(processors);
  const rows = powersOfTwo(maxRows);
  const progress = new Progress("settings measured:", threads.length * rows.length);
  const measured = await measureRuns(
    {
      isTransformed: contract.transform !== undefined,
      model: { modelPath: revision.model, modelRoot: fleet.root, sha256: revision.sha256 },
      threads,
      rows,
      free: options.free,
      budgetMs: options.budget,
    },
    (done) => progress.show(done),
  ).finally(() => progress.end());
  const recommendation = recommend(measured.measurements, { processors, latencyMs: latency, near: measured.near });
  const report = { model: name, processors, targetMs: latency, recommendation, ...measured };
  if (options.write !== undefined) writeFileSync(options.write, tuneYaml(report));
  process.stdout.write(options.output === "json" ? tuneJson(report) : tuneText(report));
  if (!recommendation.meetsTarget) process.exitCode = 1;
}

function findRevision(
  { contracts }: FleetSpec,
  name: string,
): { readonly contract: ContractSpec; readonly revision: RevisionSpec } {
  const known = contracts.flatMap((contract) =>
    contract.revisions.map((revision) => ({ name: `${contract.name}/${revision.name}`, contract, revision })),
  );
  const found = known.find((each) => each.name === name);
  if (found) return found;
  throw new Error(`there is no "${name}" in the fleet; there is ${known.map((each) => each.name).join(", ")}`);
}

/** 1, 2, 4, … and `most`. */
function powersOfTwo(most: number): number[] {
  const powers: number[] = [];
  for (let power = 1; power < most; power *= 2) powers.push(power);
  return [...powers, most];
}
