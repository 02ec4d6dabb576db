import { shownFile } from "../fleet/findings.js";
import { disagreementLine } from "../testing/disagreement-line.js";
import type { GoldenResult } from "../testing/golden-verify.js";
import { type JunitCase, junitXml } from "../testing/junit.js";
import { onStdout } from "./colors.js";
import { formatTable } from "./table.js";

/** A revision that no golden case was for, or a contract that has none at all. */
export interface Unverified {
  readonly contract: string;
  /** Undefined: none is. */
  readonly revision: string | undefined;
  /** Where its cases would be. */
  readonly folder: string;
  /** Whether that is a failure. */
  readonly fails: boolean;
}

/** All that `flotilla golden verify` found. */
export interface GoldenReport {
  readonly results: readonly GoldenResult[];
  readonly unverified: readonly Unverified[];
}

/** Disagreements of one case that the terminal shows; the reports in files hold all. */
const MAX_SHOWN = 10;

/** For people. */
export function goldenText({ results, unverified }: GoldenReport): string {
  const rows = results.map((result) => [
    result.contract,
    result.revision ?? "?",
    result.name,
    outcomeText(result),
    result.outcome === "skipped" ? "" : `${result.elapsedMs.toFixed(1)} ms`,
  ]);
  const table = rows.length === 0 ? [] : [formatTable(["CONTRACT", "REVISION", "CASE", "RESULT", "TIME"], rows)];
  const failed = results.filter(({ outcome }) => outcome === "failed").map(failureText);
  const missing = unverified.map((one) => (one.fails ? onStdout.red : onStdout.yellow)(unverifiedText(one)));
  return `${[...table, ...failed, ...missing, summary(results)].join("\n\n")}\n`;
}

/** For scripts. */
export function goldenJson({ results, unverified }: GoldenReport): string {
  return `${JSON.stringify({ ...countOutcomes(results), results, unverified }, undefined, 2)}\n`;
}

/** For CI: a suite for each contract and revision. */
export function goldenJunit({ results, unverified }: GoldenReport): string {
  const suites = new Map<string, JunitCase[]>();
  const add = (name: string, one: JunitCase) => suites.set(name, [...(suites.get(name) ?? []), one]);
  for (const result of results) {
    const name = suiteName(result);
    add(name, junitCase(name, result));
  }
  for (const one of unverified.filter(({ fails }) => fails)) {
    const name = suiteName(one);
    add(name, {
      name: "has golden cases",
      className: name,
      seconds: 0,
      failures: [unverifiedText(one)],
      skipped: false,
    });
  }
  return junitXml(
    "flotilla golden verify",
    [...suites].map(([name, cases]) => ({ name, cases })),
  );
}

function suiteName({
  contract,
  revision,
}: {
  readonly contract: string;
  readonly revision: string | undefined;
}): string {
  return `${contract}/${revision ?? "?"}`;
}

function junitCase(className: string, result: GoldenResult): JunitCase {
  const failures = result.disagreements.map(disagreementLine);
  return {
    name: result.name,
    className,
    seconds: result.elapsedMs / 1e3,
    failures: result.problem === undefined ? failures : [result.problem],
    skipped: result.outcome === "skipped",
  };
}

function outcomeText({ outcome, problem, disagreements, compared }: GoldenResult): string {
  if (outcome === "skipped") return onStdout.dim("not for this revision");
  if (outcome === "passed") return onStdout.green(compared === 0 ? "refused, as it has to be" : agreement(compared));
  if (problem !== undefined) return onStdout.red("failed");
  return onStdout.red(`${disagreements.length} of ${compared} values disagree`);
}

function agreement(compared: number): string {
  return compared === 1 ? "the value agrees" : `${compared} values agree`;
}

function failureText(result: GoldenResult): string {
  const { contract, revision, name, problem, disagreements } = result;
  const head = onStdout.bold(`${contract} ${revision ?? "?"} ${name}`);
  if (problem !== undefined) return `${head}\n  ${problem}`;
  const lines = disagreements.slice(0, MAX_SHOWN).map((one) => `  ${disagreementLine(one)}`);
  const rest = disagreements.length - lines.length;
  return [head, ...lines, ...(rest > 0 ? [`  and ${rest} more`] : [])].join("\n");
}

function unverifiedText({ contract, revision, folder }: Unverified): string {
  const what =
    revision === undefined
      ? `${contract} has no golden cases in ${shownFile(folder)}`
      : `${contract}: no golden case is for ${revision}`;
  return `${what}; record one with \`flotilla golden record ${contract} REQUEST --case NAME\``;
}

function summary(results: readonly GoldenResult[]): string {
  const { passed, failed, skipped } = countOutcomes(results);
  const text = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} not for their revision` : ""}`;
  return failed > 0 ? onStdout.red(text) : onStdout.green(text);
}

function countOutcomes(results: readonly GoldenResult[]) {
  const count = (wanted: string) => results.filter(({ outcome }) => outcome === wanted).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}
