import { Command, InvalidArgumentError, Option } from "commander";
import { DURATION_PATTERN, formatMs, toMs } from "../fleet/units.js";
import { Cluster } from "../kubectl/cluster.js";
import { diffFleet } from "../kubectl/fleet-diff.js";
import { diffReport, diffText, hasDifferences } from "./diff-report.js";
import { fleetFile } from "./fleet-file.js";
import { fleetManifests } from "./fleet-manifests.js";
import { Progress } from "./progress.js";

interface DiffCommandOptions {
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  readonly exitCode: boolean | undefined;
  readonly output: "text" | "json";
}

/** Exit code of `--exit-code` where there are differences: 1 and 2 are errors. */
const DIFFERENT = 3;
const DEFAULT_TIMEOUT_MS = 15_000;

const NOTES = `
Each manifest is given to the cluster as a dry run: nothing is changed, and what is shown has the defaults and the
webhooks of that cluster in it. It is what \`kubectl apply --server-side --force-conflicts -k\` would do, and what
\`kubectl apply -k\` would do with objects that were applied that way before. It takes the rights to get, list, create
and patch the fleet's objects.

Exit codes: 0 compared, 1 something could not be compared, 2 wrong usage; with --exit-code 3 where there are differences,
those that an apply would leave in the cluster included.

Examples:
  flotilla diff
  flotilla diff fleet.yaml --context staging
  flotilla diff --output json | jq -r '.traffic[].contract'`;

/** `flotilla diff`: what applying a fleet's manifests would change on a cluster. */
export function createDiffCommand(): Command {
  return new Command("diff")
    .description("Show what applying a fleet would change on a cluster, its traffic first.")
    .argument("[path]", "fleet file, or its folder", "fleet.yaml")
    .option("--context <name>", "context of the kubeconfig; by default its current one")
    .option("--kubeconfig <file>", "by default the variable KUBECONFIG, then ~/.kube/config")
    .addOption(
      new Option("--timeout <duration>", "how long one answer of the cluster may take")
        .argParser(timeout)
        .default(DEFAULT_TIMEOUT_MS, formatMs(DEFAULT_TIMEOUT_MS)),
    )
    .option("--exit-code", `end with ${DIFFERENT} where there are differences`)
    .addOption(
      new Option("--output <format>", "how to print the differences").choices(["text", "json"]).default("text"),
    )
    .addHelpText("after", NOTES)
    .action(async (where: string, options: DiffCommandOptions) => {
      const { fleet, files } = await fleetManifests(fleetFile(where));
      const { context, kubeconfig, timeout: timeoutMs } = options;
      const cluster = new Cluster({ context, kubeconfig, timeoutMs });
      const manifests = files.flatMap((file) => file.objects);
      const progress = new Progress("compared", manifests.length);
      try {
        const diff = await diffFleet({ fleet, manifests, cluster, onProgress: (done) => progress.show(done) });
        progress.end();
        const report = diffReport(cluster.context, diff);
        process.stdout.write(options.output === "json" ? `${JSON.stringify(report, null, 2)}\n` : diffText(report));
        if (diff.problems.length > 0) process.exitCode = 1;
        else if (options.exitCode && hasDifferences(diff)) process.exitCode = DIFFERENT;
      } finally {
        progress.end();
        cluster.close();
      }
    });
}

function timeout(text: string): number {
  if (!DURATION_PATTERN.test(text) || toMs(text) === 0) throw new InvalidArgumentError("write it as 500ms, 15s or 1m");
  return toMs(text);
}
