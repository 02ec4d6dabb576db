import { existsSync } from "node:fs";
import { Command, Option } from "commander";
import { loadFleet } from "../../fleet/load.js";
import { MESH_DEFAULTS } from "../../fleet/schema-mesh.js";
import { toMs } from "../../fleet/units.js";
import { type Chain, chainsOf, type HopView, hopViews } from "../../kubectl/hops/hop-view.js";
import { lookAtHops } from "../../kubectl/hops/look-at-hops.js";
import { ms, percent } from "../../kubectl/rollout/figure-text.js";
import { onStderr, onStdout } from "../colors.js";
import { fleetFile } from "../fleet-file.js";
import { formatTable } from "../table.js";
import { parseDuration } from "../target.js";
import { type MetricsOptions, metricsSource, withMetricsOptions } from "./metrics-options.js";
import { type TargetOptions, withTarget, withTargetOptions } from "./target-options.js";

interface HopsCommandOptions extends TargetOptions, MetricsOptions {
  /** Milliseconds. */
  readonly window: number;
  /** Milliseconds. */
  readonly budget?: number;
  readonly fleet: string;
  readonly output: "text" | "json";
}

const DEFAULT_WINDOW = "10s";
const HEAD = ["FROM", "TO", "CALLS", "OVERHEAD P50", "P99", "SERVER P50", "P99", "SHARE"];

const NOTES = `
OVERHEAD is a call's time as its caller sees it less the server's own: network, proxies, connection. Callers count it
(\`HopMetrics\` of src/telemetry), and their pods say where their metrics are by the annotation prometheus.io/port. The
pods asked are those of the service accounts that the contract's AuthorizationPolicy lets in. SHARE is the overhead's part
of the whole, in the middle. A hop whose p99 is over its budget is warned about: --budget, else the contract's
objectives.hopOverhead in the fleet file, else ${MESH_DEFAULTS.hopOverhead}.

Exit codes: 0 all hops within their budgets, 1 something failed, 3 a hop is over its budget.

Examples:
  kubectl flotilla hops -n models
  kubectl flotilla hops acme.tumor.v1 --window 1m --budget 5ms -o json`;

/** `kubectl flotilla hops`. */
export function createHopsCommand(): Command {
  const command = new Command("hops")
    .description("Show what network and proxies add to calls, hop by hop, and chains of hops in sum.")
    .argument("[contract]", "acme.fraud.v1; by default all of the namespace");
  return withMetricsOptions(withTargetOptions(command))
    .addOption(
      new Option("--window <duration>", "how long calls are counted")
        .argParser(parseDuration)
        .default(parseDuration(DEFAULT_WINDOW), DEFAULT_WINDOW),
    )
    .option("--budget <duration>", "overhead that 99 of 100 calls should stay under", parseDuration)
    .option("--fleet <file>", "fleet file, or its folder: where the objectives are", "fleet.yaml")
    .addOption(new Option("-o, --output <format>", "how to print it").choices(["text", "json"]).default("text"))
    .addHelpText("after", NOTES)
    .action(hops);
}

/** Over its budget: something to look at, no error. */
const OVER_BUDGET = 3;

function hops(contract: string | undefined, options: HopsCommandOptions): Promise<void> {
  return withTarget(options, async (target, namespace) => {
    const source = await metricsSource(target, options);
    const counted = await lookAtHops({ target, namespace, contract, source, windowMs: options.window });
    const views = hopViews({ ...counted, budgetOf: budgets(options) });
    const report = { hops: views, chains: chainsOf(views) };
    if (options.output === "json") process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else process.stdout.write(views.length === 0 ? nothingText(counted.asked) : hopsText(report));
    for (const view of views.filter(({ overBudget }) => overBudget)) process.stderr.write(warning(view));
    if (views.some(({ overBudget }) => overBudget)) process.exitCode = OVER_BUDGET;
  });
}

function budgets({ budget, fleet }: HopsCommandOptions): (contract: string) => number {
  const file = fleetFile(fleet);
  const contracts = budget === undefined && existsSync(file) ? loadFleet(file).contracts : [];
  const known = new Map(contracts.map(({ name, objectives }) => [name, objectives.hopOverheadMs]));
  return (contract) => budget ?? known.get(contract) ?? toMs(MESH_DEFAULTS.hopOverhead);
}

function hopsText({ hops: views, chains }: { hops: readonly HopView[]; chains: readonly Chain[] }): string {
  const table = formatTable(HEAD, views.map(cells));
  const sums = chains.map(({ services, overheadP50, overheadP99 }) => {
    return `${services.join(" → ")}: ${ms(overheadP50)} in the middle, at most ${ms(overheadP99)} for 99 of 100`;
  });
  return `${[table, ...(sums.length > 0 ? ["", ...sums] : [])].join("\n")}\n`;
}

function cells(view: HopView): string[] {
  const p99 = ms(view.overheadP99);
  return [
    view.from,
    `${view.to} ${view.revision}`,
    String(Math.round(view.calls)),
    ms(view.overheadP50),
    view.overBudget ? onStdout.yellow(p99) : p99,
    ms(view.serverP50),
    ms(view.serverP99),
    percent(view.share),
  ];
}

function warning({ from, to, revision, overheadP99, budget }: HopView): string {
  return `${onStderr.yellow("warning:")} ${from} → ${to} ${revision}: one call in a hundred takes ${ms(overheadP99)} more than the server's time; the budget is ${ms(budget)}\n`;
}

function nothingText(asked: number): string {
  if (asked > 0) return `The ${asked} pods that call counted no hops in that time.\n`;
  return "No caller says where its metrics are: its pods need the annotation prometheus.io/port, and HopMetrics in their code.\n";
}
