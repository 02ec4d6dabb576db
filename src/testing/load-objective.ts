import { DURATION_PATTERN, formatMs, toMs } from "../fleet/units.js";
import { PERCENTILES } from "./latency.js";
import type { StageFigures } from "./load.js";
import { failedShare, type LoadFigures } from "./load-tally.js";

/** What load has to show: a measure, and what it may be. */
export interface Objective {
  /** As it was written: `spike:p99=50ms`. */
  readonly text: string;
  /** The stage it is for; undefined: every one. */
  readonly stage: string | undefined;
  /** `p99`, `errors`, `rate`. */
  readonly name: string;
  readonly measure: Measure;
  /** In the measure's unit. */
  readonly limit: number;
}

/** What objectives are about: `p99` in milliseconds, `errors` in per cent, `rate` in answers a second. */
interface Measure {
  readonly of: (figures: LoadFigures) => number;
  readonly isKept: (value: number, limit: number) => boolean;
  readonly format: (value: number) => string;
}

/** What an objective came to. */
export interface ObjectiveResult {
  readonly objective: Objective;
  readonly isKept: boolean;
  /** The worst of its stages, in the measure's unit; NaN where nothing was measured in one. */
  readonly value: number;
  /** Stages that miss it, by name; of a load without stages `""`. */
  readonly missed: readonly string[];
}

const EXPECTED =
  "expected p50, p75, p90, p95, p99, p99.9, p99.99, mean or max with a time, errors with per cent, or rate with calls a second: p99=50ms, errors=0.1%, rate=450; for one stage, spike:p99=80ms";

const atMost = (value: number, limit: number) => value <= limit;
const time = (of: Measure["of"]): Measure => ({
  of: (figures) => (figures.latency.count === 0 ? Number.NaN : of(figures)),
  isKept: atMost,
  format: (value) => formatMs(Number(value.toPrecision(3))),
});
const TIMES: Readonly<Record<string, Measure>> = {
  mean: time(({ latency }) => latency.meanMs),
  max: time(({ latency }) => latency.maxMs),
  ...Object.fromEntries(
    PERCENTILES.map((each) => [`p${each}`, time(({ latency }) => latency.percentilesMs[String(each)]!)]),
  ),
};
const ERRORS: Measure = {
  of: (figures) => failedShare(figures) * 100,
  isKept: atMost,
  format: (value) => `${Number(value.toPrecision(3))} %`,
};
const RATE: Measure = {
  of: ({ codes, seconds }) => (codes.OK ?? 0) / seconds,
  isKept: (value, limit) => value >= limit,
  format: (value) => `${Number(value.toPrecision(4))} calls/s`,
};

/**
 * Reads `p99=50ms`, `errors=0.1%`, `rate=450`, `spike:p99=80ms`.
 * @throws Error that says what is expected
 */
export function parseObjective(text: string): Objective {
  const [, stage, name = "", value = ""] = /^(?:([^:=]+):)?([a-z0-9.]+)=(.+)$/.exec(text) ?? [];
  const read = readLimit(name, value);
  if (!read) throw new Error(`${EXPECTED}; got "${text}"`);
  return { text, stage, name, ...read };
}

function readLimit(name: string, value: string): Pick<Objective, "measure" | "limit"> | undefined {
  const [, number] = /^(\d+(?:\.\d+)?)%?$/.exec(value) ?? [];
  if (Object.hasOwn(TIMES, name) && DURATION_PATTERN.test(value)) return { measure: TIMES[name]!, limit: toMs(value) };
  if (name === "errors" && Number(number) <= 100) return { measure: ERRORS, limit: Number(number) };
  if (name === "rate" && number === value && Number(number) > 0) return { measure: RATE, limit: Number(number) };
  return undefined;
}

/** Whether load keeps to an objective: each of its stages has to, or the one that is named. */
export function checkObjective(objective: Objective, load: LoadParts): ObjectiveResult {
  const { measure, limit, stage } = objective;
  const parts = partsOf(load, stage).map(({ name, figures }) => ({ name, value: measure.of(figures) }));
  // Also where the value is no number: nothing was measured.
  const missed = parts.filter(({ value }) => !measure.isKept(value, limit)).map(({ name }) => name);
  const value = worstOf(
    parts.map((part) => part.value),
    measure,
  );
  return { objective, isKept: parts.length > 0 && missed.length === 0, value, missed };
}

function worstOf(values: readonly number[], { isKept }: Measure): number {
  if (values.length === 0 || values.some(Number.isNaN)) return Number.NaN;
  return values.reduce((worst, value) => (isKept(worst, value) ? value : worst));
}

/** What a load came to, in all and by stage. */
export type LoadParts = LoadFigures & { readonly stages: readonly StageFigures[] };

function partsOf(load: LoadParts, only: string | undefined): { name: string; figures: LoadFigures }[] {
  if (load.stages.length === 0) return [{ name: "", figures: load }];
  const parts = load.stages.map((figures) => ({ name: figures.stage.name, figures }));
  const asked = only === undefined ? parts : parts.filter(({ name }) => name === only);
  // At a low rate no call may come due in a short stage, which then says nothing; unless it is all that there is.
  const told = asked.filter(({ figures }) => !Number.isNaN(failedShare(figures)));
  return told.length === 0 ? asked : told;
}

/** A value in an objective's unit, for people. */
export function formatMeasured({ measure }: Objective, value: number): string {
  return Number.isNaN(value) ? "nothing was measured" : measure.format(value);
}
