/** How sure a judgement has to be: one in a thousand is wrong by chance. In standard deviations, one-sided. */
const DEVIATIONS = 3.09;
/** The first calls of a new pod may be slow, or one may fail, and the interval below is not made for so few. */
const FEWEST = 5;

/** Of `all` calls, `part` are of some kind. */
export interface Share {
  readonly part: number;
  readonly all: number;
}

/** What part of the calls; 0 where there were none. */
export function ratioOf({ part, all }: Share): number {
  return all === 0 ? 0 : part / all;
}

/** Whether a share is above a limit: surely, or by so few calls that it may be chance. */
export function isAbove(share: Share, limit: number): "surely" | "perhaps" | "no" {
  if (ratioOf(share) <= limit) return "no";
  return share.part >= FEWEST && boundsOf(share).least > limit ? "surely" : "perhaps";
}

/**
 * Between which bounds the true share lies, for all that so few calls tell: Wilson's interval, which also holds where the
 * share is near nought.
 * @returns shares from 0 to 1
 * @see https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
 */
export function boundsOf({ part, all }: Share): { readonly least: number; readonly most: number } {
  if (all <= 0) return { least: 0, most: 1 };
  const share = part / all;
  const z = DEVIATIONS ** 2 / all;
  const middle = (share + z / 2) / (1 + z);
  const reach = (DEVIATIONS * Math.sqrt((share * (1 - share)) / all + z / (4 * all))) / (1 + z);
  return { least: Math.max(0, middle - reach), most: Math.min(1, middle + reach) };
}
