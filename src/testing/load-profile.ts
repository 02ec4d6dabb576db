/** A part of a run with figures of its own: the rate goes evenly from one to the other, in calls a second. */
export interface LoadStage {
  readonly name: string;
  readonly durationMs: number;
  readonly fromRate: number;
  readonly toRate: number;
}

/** A rate that stays what it is. */
export function steadyStage(name: string, rate: number, durationMs: number): LoadStage {
  return { name, durationMs, fromRate: rate, toRate: rate };
}

/** A rate that rises, or falls, evenly; in equal steps that are numbered from 1. */
export function rampStages(rates: RatesApart, overMs: number, steps: number): LoadStage[] {
  const rateAt = (step: number) => rates.from + ((rates.to - rates.from) * step) / steps;
  return Array.from({ length: steps }, (_, step) => ({
    name: String(step + 1),
    durationMs: overMs / steps,
    fromRate: rateAt(step),
    toRate: rateAt(step + 1),
  }));
}

/** A rate that jumps for a while, and how it was before and is after. */
export function spikeStages(rates: RatesApart, overMs: number, calmMs: number): LoadStage[] {
  return [
    steadyStage("before", rates.from, calmMs),
    steadyStage("spike", rates.to, overMs),
    steadyStage("after", rates.from, calmMs),
  ];
}

/** One rate for long; in equal parts that are numbered from 1, so that what creeps up is seen. */
export function soakStages(rate: number, durationMs: number, steps: number): LoadStage[] {
  return Array.from({ length: steps }, (_, step) => steadyStage(String(step + 1), rate, durationMs / steps));
}

/** Two rates, in calls a second, above 0. */
export interface RatesApart {
  readonly from: number;
  readonly to: number;
}

/** How calls follow one another: evenly, or as strangers make them. */
export type Gaps = "equal" | "random";

/**
 * Draws how much of a call has to come due before the next: always 1 for equal gaps; from an exponential distribution of
 * mean 1 for random ones, a Poisson process at the rate.
 */
export function gapOf(gaps: Gaps): () => number {
  return gaps === "equal" ? () => 1 : () => -Math.log(1 - Math.random());
}

/**
 * When calls are due, in milliseconds from the first stage's begin.
 * @param gap as `gapOf` makes one
 */
export function* dueTimes(stages: readonly LoadStage[], gap: () => number): Generator<number> {
  let beginMs = 0;
  let wanted = gap();
  for (const stage of stages) {
    const due = callsDue(stage);
    for (; wanted <= due; wanted += gap()) yield beginMs + msUntil(stage, wanted);
    wanted -= due;
    beginMs += stage.durationMs;
  }
}

/** Calls that come due in a stage. */
function callsDue({ durationMs, fromRate, toRate }: LoadStage): number {
  return (((fromRate + toRate) / 2) * durationMs) / 1e3;
}

/** How far into a stage so many calls have come due: the root of `calls = from t + (to - from) t² / 2 duration`. */
function msUntil({ durationMs, fromRate, toRate }: LoadStage, calls: number): number {
  const rise = (toRate - fromRate) / (durationMs / 1e3);
  const root = Math.sqrt(Math.max(0, fromRate ** 2 + 2 * rise * calls));
  return Math.min(durationMs, (2e3 * calls) / (fromRate + root));
}
