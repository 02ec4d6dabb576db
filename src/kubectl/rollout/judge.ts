import { type ContractFigures, callsOf, type Figures, faultsOf, figuresOf, latencyMs } from "../metrics/figures.js";
import { countAbove } from "../metrics/histogram.js";
import type { Limits, RolloutState } from "../rollout-state.js";
import { codesText, count, ms, percent } from "./figure-text.js";
import { isAbove, ratioOf, type Share } from "./share.js";

/** What a step's calls so far say of the revision. */
export interface Verdict {
  /**
   * bad: surely worse than it may be. good: within its limits, by enough calls. unclear: too few calls, or too many bad
   * ones among so few that it may be chance.
   */
  readonly kind: "bad" | "good" | "unclear";
  /** Which figure, of what, against what. */
  readonly text: string;
}

/** One way to be worse than one may be. */
interface Excess {
  readonly sure: boolean;
  readonly text: string;
}

/** The revision, the one that it is compared with, and what both did in the same window. */
interface Comparison {
  readonly limits: Limits;
  readonly canary: string;
  readonly stable: string;
  readonly own: Figures;
  readonly other: Figures;
}

/** Of calls that take longer than the p99, there is one in a hundred. */
const SLOW = 0.01;

/** Judges the calls of a window: by the limits, and by what the stable revision did at the same time. */
export function judge(rollout: RolloutState, figures: ContractFigures): Verdict {
  const { revision: canary, stable, limits } = rollout;
  const [own, other] = [figuresOf(figures, canary), figuresOf(figures, stable)];
  const comparison = { limits, canary, stable, own, other };
  const excesses = [errorExcess(comparison), latencyExcess(comparison)].filter((excess) => excess !== undefined);
  const [worst] = excesses.sort((one, another) => Number(another.sure) - Number(one.sure));
  if (worst?.sure) return { kind: "bad", text: worst.text };
  const calls = callsOf(own);
  if (calls < limits.minCalls) {
    const few = `${canary} answered ${count(calls)} calls in ${Math.round(figures.seconds)} s; it takes ${limits.minCalls}`;
    return { kind: "unclear", text: few };
  }
  if (worst) return { kind: "unclear", text: `${worst.text}; more calls have to tell whether that is chance` };
  return { kind: "good", text: `${summary(canary, own)}; ${summary(stable, other)}` };
}

/** Over the limit, which it is not alone to blame for where the stable revision fails as much; or clearly over the stable one. */
function errorExcess({ limits, canary, stable, own, other }: Comparison): Excess | undefined {
  const [mine, its] = [failures(own), failures(other)];
  if (its.all > 0 && ratioOf(mine) <= ratioOf(its)) return undefined;
  const said = `${canary} failed ${shareText(mine)} of its calls${codesText(own)}`;
  const against = its.all === 0 ? `${stable} had no calls` : `${stable} failed ${shareText(its)} in the same time`;
  const overLimit = isAbove(mine, limits.errorPercent / 100);
  if (overLimit !== "no") {
    return { sure: overLimit === "surely", text: `${said}, more than ${limits.errorPercent}%; ${against}` };
  }
  const points = limits.errorPercentOverStable;
  if (its.all === 0 || isAbove(mine, ratioOf(its) + points / 100) !== "surely") return undefined;
  return { sure: true, text: `${said}, more than ${points} points over ${stable}; ${against}` };
}

/** More than one call in a hundred is slower than the limit, or than so many times the stable revision's p99. */
function latencyExcess({ limits, canary, stable, own, other }: Comparison): Excess | undefined {
  const [mine, its] = [latencyMs(0.99, own), latencyMs(0.99, other)];
  if (mine === undefined || (its !== undefined && mine <= its)) return undefined;
  const said = `p99 of ${canary} is ${ms(mine)}`;
  const against = its === undefined ? `${stable} had no calls` : `${stable} has ${ms(its)} in the same time`;
  const { p99Ms, p99OverStable, minCalls } = limits;
  if (p99Ms !== undefined) {
    const overLimit = isAbove(slowerThan(p99Ms, own), SLOW);
    if (overLimit !== "no")
      return { sure: overLimit === "surely", text: `${said}, more than ${ms(p99Ms)}; ${against}` };
  }
  // Of a few calls the slowest says little about one in a hundred.
  if (its === undefined || callsOf(other) < minCalls) return undefined;
  if (isAbove(slowerThan(its * p99OverStable, own), SLOW) !== "surely") return undefined;
  return { sure: true, text: `${said}, more than ${p99OverStable} times that of ${stable}; ${against}` };
}

function slowerThan(limitMs: number, { times, ...own }: Figures): Share {
  return { part: countAbove(limitMs, times), all: callsOf({ times, ...own }) };
}

function failures(figures: Figures): Share {
  return { part: faultsOf(figures), all: callsOf(figures) };
}

function shareText(share: Share): string {
  return `${percent(ratioOf(share) * 100)} (${count(share.part)} of ${count(share.all)})`;
}

function summary(revision: string, figures: Figures): string {
  const calls = callsOf(figures);
  if (calls === 0) return `${revision} no calls`;
  const failed = percent(ratioOf(failures(figures)) * 100);
  return `${revision} ${count(calls)} calls, ${failed} failed, p99 ${ms(latencyMs(0.99, figures))}`;
}
