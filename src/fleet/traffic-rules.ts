import type { PathStep } from "./findings.js";
import { type ContractUnderRules, checkRevisionName, parsed, part } from "./rule-report.js";
import { CohortsSchema, FallbackSchema, ShadowSchema, TrafficSchema } from "./schema.js";

/** Shares add up to 100 and go to revisions that are there. */
export function checkTraffic(under: ContractUnderRules): void {
  const { contract, path, revisions, report } = under;
  const raw = part(contract, "traffic");
  if (raw === undefined) {
    if (revisions.length < 2) return;
    const shares = revisions.map((name, index) => `${name}: ${index === 0 ? 100 : 0}`).join(", ");
    report.add(path, "traffic is missing, and the contract has several revisions", `write traffic: { ${shares} }`);
    return;
  }
  const traffic = parsed(TrafficSchema, raw);
  if (traffic === undefined) return;
  checkShares(traffic, [...path, "traffic"], under);
}

function checkShares(
  byRevision: Readonly<Record<string, number>>,
  path: readonly PathStep[],
  under: ContractUnderRules,
): void {
  const shares = Object.entries(byRevision);
  for (const [name] of shares) checkRevisionName(name, [...path, name], under);
  const sum = shares.reduce((total, [, share]) => total + share, 0);
  if (sum !== 100) under.report.add(path, `adds up to ${sum}, expected 100`, mendedShare(shares, sum));
}

/** What to write for one share, the last that can take up the difference. */
function mendedShare(shares: readonly [string, number][], sum: number): string {
  for (const [name, share] of shares.toReversed()) {
    const mended = share + 100 - sum;
    if (mended >= 0 && mended <= 100) return `give ${name} ${mended} instead of ${share}`;
  }
  return "make the shares add up to 100";
}

/** A shadow is a revision without a share: answers that nobody sees come from one that nobody calls. */
export function checkShadow(under: ContractUnderRules): void {
  const shadow = parsed(ShadowSchema, part(under.contract, "shadow"));
  if (shadow === undefined) return;
  const path = [...under.path, "shadow", "revision"];
  checkRevisionName(shadow.revision, path, under);
  const share = shareOf(shadow.revision, under);
  if (share === 0) return;
  under.report.add(
    path,
    `${shadow.revision} gets ${share}% of the traffic, and a copy on top`,
    "leave one of the two out",
  );
}

/** Each cohort names a revision, or has shares as the traffic has. */
export function checkCohorts(under: ContractUnderRules): void {
  const cohorts = parsed(CohortsSchema, part(under.contract, "cohorts"));
  for (const [cohort, goesTo] of Object.entries(cohorts ?? {})) {
    const path = [...under.path, "cohorts", cohort];
    if (typeof goesTo === "string") checkRevisionName(goesTo, path, under);
    else checkShares(goesTo, path, under);
  }
}

/** A fallback is a revision that stands by: if it had a share, it would fail with the others. */
export function checkFallback(under: ContractUnderRules): void {
  const fallback = parsed(FallbackSchema, part(under.contract, "fallback"));
  if (fallback === undefined) return;
  const path = [...under.path, "fallback", "revision"];
  checkRevisionName(fallback.revision, path, under);
  const share = shareOf(fallback.revision, under);
  if (share === 0) return;
  const fix = `take ${fallback.revision} out of the traffic, or fall back to another revision`;
  under.report.add(path, `${fallback.revision} gets ${share}% of the traffic, so it can't be its fallback`, fix);
}

function shareOf(revision: string, { contract, revisions }: ContractUnderRules): number {
  const raw = part(contract, "traffic");
  if (raw === undefined) return revisions.length === 1 && revisions[0] === revision ? 100 : 0;
  return parsed(TrafficSchema, raw)?.[revision] ?? 0;
}
