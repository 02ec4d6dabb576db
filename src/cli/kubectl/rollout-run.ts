import type { Target } from "../../kubectl/apply-traffic.js";
import type { ContractObjects } from "../../kubectl/contract-objects.js";
import { readAgain } from "../../kubectl/contract-objects.js";
import { fleetFileLines } from "../../kubectl/plan-text.js";
import { runRollout } from "../../kubectl/rollout/run.js";
import { type Holder, PHASES, type RolloutState } from "../../kubectl/rollout-state.js";
import { readTraffic } from "../../kubectl/traffic.js";
import { whoAmI } from "../../kubectl/whoami.js";
import { untilEndSignal } from "../end-signal.js";
import { type ChangeOptions, fleetFileText } from "./change.js";
import { type MetricsOptions, metricsSource } from "./metrics-options.js";
import { exitCodeOf, jsonReport, textReport } from "./rollout-report.js";

/** A roll-out whose first step has its calls. */
export interface Running {
  readonly objects: ContractObjects;
  readonly options: ChangeOptions & MetricsOptions & { readonly takeOver?: boolean };
  readonly holder: Pick<Holder, "id" | "name">;
}

/** As shells have it of what Ctrl-C ended. */
const INTERRUPTED = 130;

/** Judges a roll-out to its end, or until somebody interrupts; tells of it as it goes. */
export async function judgeToTheEnd(target: Target, { objects, options, holder }: Running): Promise<void> {
  const { contract, namespace } = objects;
  const report = options.output === "json" ? jsonReport() : textReport();
  try {
    await untilEndSignal(async (signal) => {
      const ended = await runRollout({
        target,
        holder,
        key: { contract, namespace },
        source: await metricsSource(target, options),
        who: await whoAmI(target.cluster),
        takeOver: options.takeOver ?? false,
        onEvent: (event) => report.tell(event),
        signal,
      });
      report.end();
      process.exitCode = ended === undefined ? INTERRUPTED : exitCodeOf(ended);
      if (ended === undefined) process.stderr.write(interruptedText(contract, namespace));
      else if (options.output === "text") process.stdout.write(endText(ended, holder, await linesNow(target, objects)));
    });
  } finally {
    report.end();
  }
}

async function linesNow({ cluster, resources }: Target, { service, subsets }: ContractObjects): Promise<string[]> {
  return fleetFileLines(readTraffic(await readAgain(cluster, resources, service), subsets));
}

/** Who ended it by hand has been told what the fleet file should say. */
function endText(ended: RolloutState, { id }: Running["holder"], lines: readonly string[]): string {
  const others = ended.phase === PHASES.aborted || ended.holder.id !== id;
  return others ? `The roll-out was ended by somebody else: ${ended.phase}: ${ended.why}\n` : fleetFileText(lines);
}

/** What has to be known where nobody judges a roll-out that is under way. */
export function interruptedText(contract: string, namespace: string): string {
  const command = (verb: string) => `kubectl flotilla rollout ${verb} ${contract} -n ${namespace}`;
  return `The traffic stays as it is, and nobody judges it. On: ${command("resume")}; back: ${command("abort")}\n`;
}
