import { Command } from "commander";
import { applyTraffic, type Target } from "../../kubectl/apply-traffic.js";
import { type Observed, observe } from "../../kubectl/observe.js";
import { refuseHeld, thisHolder } from "../../kubectl/rollout/holder.js";
import { planBack, planResume, planStart, underWay } from "../../kubectl/rollout/rollout-plan.js";
import { release } from "../../kubectl/rollout/run.js";
import { isUnderWay } from "../../kubectl/rollout-state.js";
import type { TrafficPlan } from "../../kubectl/traffic-plan.js";
import { whoAmI } from "../../kubectl/whoami.js";
import { onStdout } from "../colors.js";
import { type ChangeOptions, changeTraffic, planText, reportOf, withChangeOptions } from "./change.js";
import { confirm } from "./confirm.js";
import { type MetricsOptions, withMetricsOptions } from "./metrics-options.js";
import { type Checked, type CheckOptions, checkRevision, withCheckOptions } from "./rollout-checks.js";
import { type OrderOptions, toOrder, withOrderOptions } from "./rollout-order.js";
import { interruptedText, judgeToTheEnd } from "./rollout-run.js";
import { withTarget } from "./target-options.js";

interface RolloutOptions extends ChangeOptions, MetricsOptions, OrderOptions, CheckOptions, RunningOptions {}

interface RunningOptions {
  readonly takeOver?: boolean;
  readonly inCluster?: boolean;
  readonly image?: string;
}

type Started = RunningOptions & ChangeOptions & MetricsOptions;

const NOTES = `
Before the first step the revision has to be ready, to serve the contract as the stable revision does, and to pass its
golden cases (docs/golden.md); its pods are asked themselves. At each step its calls are compared with its limits, and with
what the stable revision did at the same time. A call fails by its gRPC code. A step that is surely bad goes back at
once; one with too few calls waits for more, and goes back when its patience is over.

The state is kept on the contract's VirtualService. Ended half-way, by Ctrl-C or otherwise, the same command goes on where
it was; so does \`rollout resume\`, also from elsewhere. \`rollout abort\` and \`rollback\` go back. With --in-cluster a Job goes on with
it: it may list what the contract is made of, forward its pods' ports and patch its own VirtualServices, and is gone an
hour after its end.

Exit codes: 0 the revision has all calls, 1 it has none, or it was refused, 2 wrong usage, 130 ended half-way.

Examples:
  kubectl flotilla rollout acme.tumor.v1 r2 -n models
  kubectl flotilla rollout acme.tumor.v1 r2 --steps 1,10,100 --interval 5m --max-error-rate 0.5% --max-p99 50ms
  kubectl flotilla rollout acme.tumor.v1 r2 --analysis analysis.yaml --prometheus monitoring/prometheus:9090
  kubectl flotilla rollout resume acme.tumor.v1
  kubectl flotilla rollout abort acme.tumor.v1 --why "complaints from the clinic"`;

/** `kubectl flotilla rollout`. */
export function createRolloutCommand(): Command {
  const command = new Command("rollout")
    .description("Give a revision all calls step by step, as long as it is no worse than the one before.")
    .argument("<contract>", "acme.fraud.v1")
    .argument("<revision>", "r2");
  return withRunningOptions(withCheckOptions(withOrderOptions(withChangeOptions(command))))
    .addHelpText("after", NOTES)
    .action(rollout)
    .enablePositionalOptions()
    .addCommand(createResumeCommand())
    .addCommand(createAbortCommand());
}

function withRunningOptions(command: Command): Command {
  return withMetricsOptions(command)
    .option("--take-over", "take it from whoever judges it at the time")
    .option("--in-cluster", "leave it to a Job in the cluster, once the first step has its calls")
    .option("--image <image>", "with --in-cluster: an image with Node.js (default: that of the contract's pods)");
}

function createResumeCommand(): Command {
  const command = new Command("resume")
    .description("Go on with a roll-out that was ended half-way.")
    .argument("<contract>");
  return withRunningOptions(withChangeOptions(command)).action((contract: string, options: Started) => {
    return withTarget(options, async (target, namespace) => {
      await goOn(target, await observe(target, { contract, namespace }), options);
    });
  });
}

function createAbortCommand(): Command {
  const command = new Command("abort")
    .description("End a roll-out: all calls to the stable revision.")
    .argument("<contract>");
  return withChangeOptions(command).action((contract: string, options: ChangeOptions) => {
    return changeTraffic(contract, options, (situation) => {
      return planBack(situation, underWay(situation), { why: options.why ?? "aborted by hand", phase: "aborted" });
    });
  });
}

function rollout(contract: string, revision: string, options: RolloutOptions): Promise<void> {
  return withTarget(options, async (target, namespace) => {
    const observed = await observe(target, { contract, namespace });
    const last = observed.situation.state.rollout;
    if (last !== undefined && isUnderWay(last) && last.revision === revision) return goOn(target, observed, options);
    const { order, maxDisagreement } = toOrder(revision, options);
    const holder = thisHolder(await whoAmI(target.cluster));
    const first = planStart(observed.situation, order, { holder, at: new Date().toISOString() });
    const { stable } = first.rollout!;
    const { checked, golden } = await checkRevision(
      { target, key: { contract, namespace }, revision, stable, maxDisagreement },
      options,
    );
    for (const finding of checked) say(options, findingText(finding));
    refuseFailed(revision, checked);
    const plan = { ...first, ...(golden && { golden: { [revision]: golden } }) };
    await begin(target, { observed, plan, options, holder });
  });
}

async function goOn(target: Target, observed: Observed, options: Started): Promise<void> {
  const holder = thisHolder(await whoAmI(target.cluster));
  const before = underWay(observed.situation);
  if (!options.takeOver) refuseHeld(before, holder, Date.now());
  say(options, `The roll-out of ${before.revision}, begun ${before.started.slice(0, 19)} UTC, goes on.`);
  const plan = planResume(observed.situation, { holder, at: new Date().toISOString() });
  await begin(target, { observed, plan, options, holder });
}

interface Beginning {
  readonly observed: Observed;
  readonly plan: TrafficPlan;
  readonly options: Started;
  readonly holder: ReturnType<typeof thisHolder>;
}

async function begin(target: Target, { observed, plan, options, holder }: Beginning): Promise<void> {
  const { objects, situation } = observed;
  const report = reportOf(target, observed, plan);
  const known = situation.state.rollout !== undefined && isUnderWay(situation.state.rollout);
  // A canary may have the first step's share already; that it is a roll-out from now on has to be said all the same.
  if (report.changes.length > 0 || !known || options.dryRun) {
    if (options.output === "text") process.stdout.write(planText(report));
    const author = { who: await whoAmI(target.cluster), at: new Date().toISOString(), why: options.why ?? "" };
    const asks = !options.dryRun && !options.yes;
    if (asks && !(await confirm(`Roll ${plan.rollout!.revision} out to ${objects.contract}?`))) {
      process.exitCode = 1;
      return;
    }
    await applyTraffic(target, { objects, plan, author, dryRun: options.dryRun ?? false });
  }
  if (options.dryRun) say(options, "The cluster would take it; nothing was changed.");
  else if (options.inCluster) await leaveToJob(target, observed, options);
  else await judgeToTheEnd(target, { objects, options, holder });
}

async function leaveToJob(target: Target, { objects }: Observed, options: Started): Promise<void> {
  const { contract, namespace } = objects;
  await release(target, { contract, namespace });
  const { runInCluster } = await import("./rollout-in-cluster.js");
  const job = await runInCluster(target, objects, { metrics: options, image: options.image }).catch((error: Error) => {
    throw new Error(`${error.message}\n${interruptedText(contract, namespace).trim()}`, { cause: error });
  });
  say(options, `Job ${namespace}/${job} judges it now: \`kubectl logs -f job/${job} -n ${namespace}\``);
}

function findingText({ ok, text }: Checked): string {
  const mark = { yes: onStdout.green("✓"), no: onStdout.red("✗"), unknown: onStdout.yellow("!") }[ok];
  return `${mark} ${text}`;
}

/** @throws Error where the revision is not fit for calls */
function refuseFailed(revision: string, findings: readonly Checked[]): void {
  const failed = findings.filter(({ ok }) => ok === "no").map(({ text }) => text);
  if (failed.length > 0) throw new Error(`${revision} gets no calls: ${failed.join("; ")}`);
}

function say({ output }: ChangeOptions, text: string): void {
  if (output === "text") process.stdout.write(`${text}\n`);
}
