import { type Command, InvalidArgumentError } from "commander";
import { type Analysis, readAnalysis, StepsSchema } from "../../fleet/analysis-file.js";
import { formatMs } from "../../fleet/units.js";
import type { RolloutOrder } from "../../kubectl/rollout/rollout-plan.js";
import { parseDuration } from "../target.js";
import { parsePercent } from "./target-options.js";

/** How a roll-out goes, as its options say it. */
export interface OrderOptions {
  readonly steps?: readonly number[];
  /** Milliseconds. */
  readonly interval?: number;
  readonly maxErrorRate?: number;
  /** Milliseconds. */
  readonly maxP99?: number;
  readonly maxDisagreement?: number;
  readonly minCalls?: number;
  /** Milliseconds. */
  readonly patience?: number;
  readonly analysis?: string;
}

/** What holds where neither an option nor the analysis file says. */
const DEFAULTS = {
  steps: [1, 5, 25, 50, 100],
  intervalMs: 120_000,
  errorPercent: 1,
  minCalls: 100,
  patienceMs: 30 * 60_000,
  p99OverStable: 2,
} as const;

/** Gives a command the options of a new roll-out. */
export function withOrderOptions(command: Command): Command {
  return command
    .option(
      "--steps <percents>",
      `shares that the revision gets one after the other (default: ${DEFAULTS.steps})`,
      parseSteps,
    )
    .option("--interval <duration>", `how long a step lasts (default: ${formatMs(DEFAULTS.intervalMs)})`, parseDuration)
    .option(
      "--max-error-rate <percent>",
      `calls that may fail by the server's fault (default: ${DEFAULTS.errorPercent}%)`,
      parsePercent,
    )
    .option(
      "--max-p99 <duration>",
      "time inside the server that 99 of 100 calls stay under (default: no limit)",
      parseDuration,
    )
    .option(
      "--max-disagreement <percent>",
      "requests that may be answered otherwise than by the stable revision (default: not compared)",
      parsePercent,
    )
    .option("--min-calls <count>", `calls that a judgement takes (default: ${DEFAULTS.minCalls})`, parseCount)
    .option(
      "--patience <duration>",
      `how long a step waits for them (default: ${formatMs(DEFAULTS.patienceMs)})`,
      parseDuration,
    )
    .option("--analysis <file>", "YAML file with all of these; options win over it");
}

/** The order that the options give, and the predictions that may differ. @throws FleetError where the analysis file is wrong */
export function toOrder(
  revision: string,
  options: OrderOptions,
): { order: RolloutOrder; maxDisagreement: number | undefined } {
  const file: Analysis = options.analysis === undefined ? {} : readAnalysis(options.analysis);
  const errorPercent = options.maxErrorRate ?? file.limits?.errorRate ?? DEFAULTS.errorPercent;
  const p99Ms = options.maxP99 ?? file.limits?.p99;
  return {
    order: {
      revision,
      steps: options.steps ?? file.steps ?? DEFAULTS.steps,
      intervalMs: options.interval ?? file.interval ?? DEFAULTS.intervalMs,
      limits: {
        errorPercent,
        ...(p99Ms !== undefined && { p99Ms }),
        minCalls: options.minCalls ?? file.minCalls ?? DEFAULTS.minCalls,
        patienceMs: options.patience ?? file.patience ?? DEFAULTS.patienceMs,
        errorPercentOverStable: file.overStable?.errorRate ?? errorPercent / 2,
        p99OverStable: file.overStable?.p99 ?? DEFAULTS.p99OverStable,
      },
    },
    maxDisagreement: options.maxDisagreement ?? file.limits?.disagreement,
  };
}

function parseSteps(text: string): number[] {
  const { data, error } = StepsSchema.safeParse(text.split(",").map((step) => Number(step.trim().replace(/%$/, ""))));
  if (error === undefined) return data;
  throw new InvalidArgumentError(`${error.issues[0]!.message}; write them as 1,5,25,50,100`);
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("write it as 100");
}
