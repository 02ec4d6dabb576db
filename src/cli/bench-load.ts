import { type Command, InvalidArgumentError, Option } from "commander";
import type { LoadPlan } from "../testing/load.js";
import { type Objective, parseObjective } from "../testing/load-objective.js";
import { type LoadStage, rampStages, soakStages, spikeStages, steadyStage } from "../testing/load-profile.js";
import { parseCount } from "./number-options.js";
import { parseDuration } from "./target.js";

/** How much load a benchmark makes, and what has to come of it. */
export interface LoadOptions {
  readonly concurrency?: number;
  readonly rate?: number;
  readonly gaps: "equal" | "random";
  readonly duration?: number;
  readonly warmUp: number;
  readonly maxInFlight: number;
  readonly profile?: "ramp" | "spike" | "soak";
  readonly from?: number;
  readonly to?: number;
  readonly over?: number;
  readonly steps?: number;
  readonly objective?: readonly Objective[];
}

const CONCURRENCY = 8;
const DURATION_MS = 10_000;
const SOAK_MS = 3_600_000;
const RAMP_MS = 60_000;
const SPIKE_MS = 10_000;
const STEPS = 10;
/** Each has histograms of its own. */
const MAX_STEPS = 100;

/** What load has to show where nothing else is said of errors. */
const NO_ERRORS = "errors=0%";

/** What `--help` says of load. */
export const LOAD_HELP = `
Closed loop (--concurrency): so many callers, each making its next call once the one before is answered. Open loop
(--rate): calls come at that rate whether others are answered or not, as they do from strangers; latency counts from the
time a call was due. Make the load elsewhere than on the server's machine, or its processors are shared out.

Profiles are open loops of several stages, with figures for each:
  ramp    the rate rises from --from to --to over --over; --steps stages
  spike   --from for --duration, then --to for --over, then --from for --duration again
  soak    --rate for --duration, an hour unless it is said; --steps stages, so that what creeps up is seen

An objective holds for each stage: p99=50ms (also p50, p99.9, mean, max), errors=0.1% (of the calls that were due),
rate=450 (calls a second answered well). For one stage: spike:errors=5%, 10:p99=80ms. errors=0% holds unless there is an
objective for errors.`;

/** `--rate` and its like. */
export function addLoadOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--concurrency <callers>", `closed loop: callers (default: ${CONCURRENCY})`)
        .argParser(parseCount)
        .conflicts(["rate", "profile"]),
    )
    .option("--rate <calls/s>", "open loop: calls a second", parseRate)
    .addOption(
      new Option("--gaps <kind>", "open loop: gaps between calls").choices(["random", "equal"]).default("random"),
    )
    .option("--duration <duration>", "how long calls are counted (default: 10s; soak: 60m)", parseDuration)
    .addOption(
      new Option("--warm-up <duration>", "how long calls are made before that")
        .argParser(parseDuration)
        .default(2000, "2s"),
    )
    .option("--max-in-flight <calls>", "open loop: open calls above which no more are made", parseCount, 10_000)
    .addOption(new Option("--profile <name>", "open loop whose rate changes").choices(["ramp", "spike", "soak"]))
    .option("--from <calls/s>", "ramp: the first rate; spike: the rate before and after", parseRate)
    .option("--to <calls/s>", "ramp: the last rate; spike: the rate in it", parseRate)
    .option("--over <duration>", "how long a ramp (default: 60s) or a spike (10s) takes", parseDuration)
    .option("--steps <count>", `ramp, soak: stages of the report (default: ${STEPS})`, parseSteps)
    .option("--objective <measure=limit>", "what has to be kept, p99=50ms; may be repeated", addObjective);
}

/**
 * The load that was asked for.
 * @throws Error with what is missing, or does not belong together: wrong usage
 */
export function toLoadPlan(options: LoadOptions): LoadPlan {
  checkTogether(options);
  const { warmUp: warmUpMs, maxInFlight, gaps, rate, profile, duration = DURATION_MS } = options;
  const stages = profile
    ? profileStages(profile, options)
    : rate === undefined
      ? []
      : [steadyStage("", rate, duration)];
  checkStages(options.objective ?? [], profile ? stages : []);
  if (stages.length > 0) return { arrivals: { kind: "open", stages, gaps }, warmUpMs, maxInFlight };
  const callers = options.concurrency ?? CONCURRENCY;
  return { arrivals: { kind: "closed", callers, durationMs: duration }, warmUpMs, maxInFlight };
}

/** What has to be kept: what was asked for, and that no call fails where nothing was said of errors. */
export function toObjectives({ objective = [] }: LoadOptions): readonly Objective[] {
  return objective.some(({ name }) => name === "errors") ? objective : [...objective, parseObjective(NO_ERRORS)];
}

function profileStages(profile: "ramp" | "spike" | "soak", options: LoadOptions): LoadStage[] {
  const { rate, from, to, over, steps = STEPS, duration } = options;
  if (profile === "soak") {
    if (rate === undefined) throw new Error("--profile soak needs --rate, in calls a second");
    return soakStages(rate, duration ?? SOAK_MS, steps);
  }
  if (from === undefined || to === undefined)
    throw new Error(`--profile ${profile} needs --from and --to, in calls a second`);
  if (profile === "ramp") return rampStages({ from, to }, over ?? RAMP_MS, steps);
  return spikeStages({ from, to }, over ?? SPIKE_MS, duration ?? DURATION_MS);
}

/** Options that a profile takes beside those of all loads. */
const TAKEN = {
  none: ["rate", "duration"],
  ramp: ["from", "to", "over", "steps"],
  spike: ["from", "to", "over", "duration"],
  soak: ["rate", "duration", "steps"],
} as const;
const OF_PROFILES = ["rate", "duration", "from", "to", "over", "steps"] as const;

function checkTogether(options: LoadOptions): void {
  const { profile = "none" } = options;
  const odd = OF_PROFILES.find(
    (name) => options[name] !== undefined && !TAKEN[profile].some((taken) => taken === name),
  );
  if (odd === undefined) return;
  const takes = TAKEN[profile].map((name) => `--${name}`).join(", ");
  throw new Error(
    profile === "none" ? `--${odd} needs --profile` : `--profile ${profile} takes ${takes}, not --${odd}`,
  );
}

function checkStages(objectives: readonly Objective[], stages: readonly LoadStage[]): void {
  const names = stages.map(({ name }) => name);
  for (const { stage, text } of objectives) {
    if (stage === undefined || names.includes(stage)) continue;
    const there = names.length === 0 ? "stages come with --profile" : `the stages are ${names.join(", ")}`;
    throw new Error(`--objective ${text}: there is no stage "${stage}"; ${there}`);
  }
}

function addObjective(text: string, objectives: readonly Objective[] = []): readonly Objective[] {
  try {
    return [...objectives, parseObjective(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function parseSteps(text: string): number {
  const steps = Number(text);
  if (!Number.isInteger(steps) || steps < 1 || steps > MAX_STEPS)
    throw new InvalidArgumentError(`expected a whole number from 1 to ${MAX_STEPS}`);
  return steps;
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (!(rate > 0 && rate <= 1e6)) throw new InvalidArgumentError("expected calls a second, above 0");
  return rate;
}
