import { Command, Option } from "commander";
import { manifestText } from "../../fleet/manifest-text.js";
import type { ContractStatus } from "../../kubectl/status.js";
import { lookAtFleet, type WatchOptions } from "../../kubectl/watch-fleet.js";
import { parseDuration } from "../target.js";
import { type MetricsOptions, metricsSource, withMetricsOptions } from "./metrics-options.js";
import { redraw } from "./redraw.js";
import { statusText } from "./status-text.js";
import { type TargetOptions, withTarget, withTargetOptions } from "./target-options.js";

interface StatusOptions extends TargetOptions, MetricsOptions {
  readonly allNamespaces?: boolean;
  readonly watch?: boolean;
  /** Milliseconds. */
  readonly window: number;
  readonly output: "text" | "wide" | "json" | "yaml";
}

const DEFAULT_WINDOW = "3s";

const NOTES = `
WEIGHT is what the routes say, SEEN what each revision answered of the calls in truth while they were counted, pinned
calls and cohorts among them. CALLS/S of a shadow are copies. ERRORS are calls that failed by the server's fault, by
their gRPC code. P50 and P99 are times inside the server.

Examples:
  kubectl flotilla status -n models
  kubectl flotilla status acme.tumor.v1 --watch
  kubectl flotilla status -A --output json | jq '.[] | select(.rollout.phase == "Failed") | .contract'
  kubectl flotilla status --prometheus monitoring/prometheus:9090`;

/** `kubectl flotilla status`. */
export function createStatusCommand(): Command {
  const command = new Command("status")
    .description("Show contracts, revisions, their pods, where calls go and what comes of them.")
    .argument("[contract]", "acme.fraud.v1; by default all of the namespace");
  return withMetricsOptions(withTargetOptions(command))
    .option("-A, --all-namespaces", "look into all namespaces")
    .option("-w, --watch", "look again and again, until Ctrl-C")
    .addOption(
      new Option("--window <duration>", "how long calls are counted")
        .argParser(parseDuration)
        .default(parseDuration(DEFAULT_WINDOW), DEFAULT_WINDOW),
    )
    .addOption(
      new Option("-o, --output <format>", "how to print it").choices(["text", "wide", "json", "yaml"]).default("text"),
    )
    .addHelpText("after", NOTES)
    .action(status);
}

function status(contract: string | undefined, options: StatusOptions): Promise<void> {
  return withTarget(options, async (target, namespace) => {
    const scope = { contract, namespace: options.allNamespaces ? undefined : namespace };
    const source = await metricsSource(target, options);
    const look: WatchOptions = { target, scope, source, windowMs: options.window };
    if (options.watch) return redraw(async (signal) => print(await lookAtFleet({ ...look, signal }), options));
    const contracts = await lookAtFleet(look);
    if (contracts.length === 0) throw new Error(nothingFound(contract, scope.namespace));
    process.stdout.write(print(contracts, options));
  });
}

function print(contracts: readonly ContractStatus[], { output }: StatusOptions): string {
  if (output === "json") return `${JSON.stringify(contracts, null, 2)}\n`;
  if (output === "yaml") return manifestText(JSON.parse(JSON.stringify(contracts)));
  return statusText(contracts, { wide: output === "wide" });
}

function nothingFound(contract: string | undefined, namespace: string | undefined): string {
  const where =
    namespace === undefined ? "in any namespace" : `in namespace ${namespace}; -n chooses another, -A looks into all`;
  return contract === undefined ? `no contracts ${where}` : `no contract ${contract} ${where}`;
}
