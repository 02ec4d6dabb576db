import { type Command, Option } from "commander";
import { applyTraffic, type Target } from "../../kubectl/apply-traffic.js";
import { type Observed, observe } from "../../kubectl/observe.js";
import { changesBetween, fleetFileLines } from "../../kubectl/plan-text.js";
import type { Situation, TrafficPlan } from "../../kubectl/traffic-plan.js";
import type { TrafficChange } from "../../kubectl/traffic-view.js";
import { whoAmI } from "../../kubectl/whoami.js";
import { onStderr, onStdout } from "../colors.js";
import { confirm } from "./confirm.js";
import { type TargetOptions, withTarget, withTargetOptions } from "./target-options.js";

/** How a change of traffic is made. */
export interface ChangeOptions extends TargetOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly why?: string;
  readonly output: "text" | "json";
}

/** What `-o json` prints of a change. */
export interface ChangeReport {
  readonly context: string;
  readonly namespace: string;
  readonly contract: string;
  readonly verb: string;
  readonly changes: readonly TrafficChange[];
  readonly notes: readonly string[];
  /** What it came to; `declined` by the person who was asked. */
  readonly result: "applied" | "dry run" | "declined" | "nothing to change";
  /** The contract's lines in the fleet file that say the same. */
  readonly fleetFile: readonly string[];
}

/** Gives a command the options of all changes of traffic. */
export function withChangeOptions(command: Command): Command {
  return withTargetOptions(command)
    .option("--dry-run", "have the cluster check the change, and change nothing")
    .option("-y, --yes", "do not ask")
    .option("--why <text>", "reason, for the history")
    .addOption(
      new Option("-o, --output <format>", "how to print the change").choices(["text", "json"]).default("text"),
    );
}

/** Plans a change of a contract's traffic, shows it, asks, and applies it. */
export function changeTraffic(
  contract: string,
  options: ChangeOptions,
  planOf: (situation: Situation) => TrafficPlan,
): Promise<void> {
  return withTarget(options, async (target, namespace) => {
    const [observed, who] = await Promise.all([observe(target, { contract, namespace }), whoAmI(target.cluster)]);
    const plan = planOf(observed.situation);
    const report = { ...reportOf(target, observed, plan), result: "nothing to change" } as const;
    if (options.output === "text") process.stdout.write(planText(report));
    const result =
      report.changes.length === 0 ? report.result : await carryOut(target, { observed, plan, options, who });
    const done = { ...report, result };
    process.stdout.write(options.output === "json" ? `${JSON.stringify(done, null, 2)}\n` : resultText(done));
    if (result === "declined") process.exitCode = 1;
  });
}

/** A plan as a person reads it: what changes, and what else to know. */
export function planText({ contract, namespace, context, changes, notes }: Omit<ChangeReport, "result">): string {
  const lines = changes.map(({ what, before, after }) => `  ${what.padEnd(12)}  ${before} → ${onStdout.bold(after)}`);
  const noted = notes.map((note) => `  ${onStdout.yellow("note:")} ${note}`);
  return [`${onStdout.bold(contract)} in ${namespace} of ${context}`, ...lines, ...noted, ""].join("\n");
}

/** What a person is told who wants the fleet file to say the same. */
export function fleetFileText(lines: readonly string[]): string {
  const head = "The fleet file should say the same, or the next apply of the manifests takes it back:";
  return [head, ...lines.map((line) => `  ${line}`), ""].join("\n");
}

/** All that is known of a change before it is made. */
export function reportOf({ cluster }: Target, observed: Observed, plan: TrafficPlan): Omit<ChangeReport, "result"> {
  const { contract, namespace } = observed.objects;
  const { traffic } = observed.situation;
  return {
    context: cluster.context,
    namespace,
    contract,
    verb: plan.verb,
    changes: changesBetween(traffic, plan.traffic),
    notes: plan.notes,
    fleetFile: fleetFileLines(plan.traffic),
  };
}

async function carryOut(
  target: Target,
  { observed, plan, options, who }: { observed: Observed; plan: TrafficPlan; options: ChangeOptions; who: string },
): Promise<ChangeReport["result"]> {
  const { dryRun = false, yes, why = "" } = options;
  const author = { who, at: new Date().toISOString(), why };
  const { objects } = observed;
  if (dryRun) {
    await applyTraffic(target, { objects, plan, author, dryRun });
    return "dry run";
  }
  // A copy's answer reaches nobody.
  const asks = plan.verb !== "shadow" && !yes;
  if (asks && !(await confirm(`Change the traffic of ${objects.contract}?`))) return "declined";
  await applyTraffic(target, { objects, plan, author, dryRun });
  return "applied";
}

function resultText({ result, fleetFile }: ChangeReport): string {
  if (result === "dry run") return "The cluster would take it; nothing was changed.\n";
  if (result === "nothing to change") return "Nothing to change.\n";
  if (result === "declined") return `${onStderr.yellow("Nothing was changed.")}\n`;
  return `${onStdout.green("Applied.")} ${fleetFileText(fleetFile)}`;
}
