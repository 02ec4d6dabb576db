import { COHORT_HEADER, PIN_HEADER, RELEASE_HEADER } from "../src/telemetry/trace.js";

/** Headers by which a caller steers a call to a revision, as a route's match. */
export type HeaderMatches = Record<string, { exact: string } | { regex: string }>;

/** Calls whose pins name this revision of this contract. */
export function pinMatch(contract: string, revision: string): HeaderMatches {
  return { [PIN_HEADER]: { regex: pinPattern(contract, revision) } };
}

/** Calls of a cohort. */
export function cohortMatch(cohort: string): HeaderMatches {
  return { [COHORT_HEADER]: { exact: cohort } };
}

/** Calls that name a release. */
export function releaseMatch(release: string): HeaderMatches {
  return { [RELEASE_HEADER]: { exact: release } };
}

/**
 * One entry of a list of pins, anywhere in it: `acme.fraud.v1=r1` of `acme.ocr.v1=r2, acme.fraud.v1=r1`. In RE2's syntax,
 * for a match of the whole header, as Envoy's are.
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function pinPattern(contract: string, revision: string): string {
  return `(.*,)? *${escapeRegex(contract)} *= *${escapeRegex(revision)} *(,.*)?`;
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
