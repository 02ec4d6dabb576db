import type { FolderPlan } from "../../cdk8s/manifest-folder.js";
import { type Finding, formatFindings } from "../fleet/findings.js";
import { onStdout } from "./colors.js";

/** Files beyond this many are counted, not shown. */
const SHOWN_FILES = 20;

/** What `flotilla manifests --output json` prints. */
export interface ManifestsReport {
  /** The fleet file. */
  readonly file: string;
  /** Absent where the fleet could not be read. */
  readonly folder?: string;
  /** Files that were written, relative to the folder. */
  readonly written?: readonly string[];
  /** How many files were as they have to be. */
  readonly unchanged?: number;
  /** Files that were removed, relative to the folder. */
  readonly removed?: readonly string[];
  /** What is wrong with the fleet or, with --check, in the folder. */
  readonly findings: readonly Finding[];
}

/** Nothing was made. */
export function failedReport(file: string, findings: readonly Finding[]): ManifestsReport {
  return { file, findings };
}

/** What `--check` found. */
export function freshnessReport(file: string, plan: FolderPlan, findings: readonly Finding[]): ManifestsReport {
  return { file, folder: plan.folder, unchanged: plan.unchanged, findings };
}

/** What was done. */
export function writtenReport(file: string, { folder, missing, stale, unchanged, extra }: FolderPlan): ManifestsReport {
  const written = [...missing, ...stale].map(({ path }) => path).sort();
  return { file, folder, written, unchanged, removed: extra, findings: [] };
}

/** The report for a reader. */
export function reportText({ file, folder, written, unchanged = 0, removed, findings }: ManifestsReport): string {
  if (findings.length > 0) {
    const count = findings.length === 1 ? "1 finding" : `${findings.length} findings`;
    return `${formatFindings(findings)}\n${file}: ${onStdout.red(count)}\n`;
  }
  if (written === undefined || removed === undefined) return `${folder}: ${onStdout.green("up to date")}\n`;
  const lines = [...written.map((name) => `written    ${name}`), ...removed.map((name) => `removed    ${name}`)];
  const shown = lines.length > SHOWN_FILES ? lines.slice(0, SHOWN_FILES) : lines;
  const rest = lines.length > shown.length ? [`and ${lines.length - shown.length} more`] : [];
  const sum = `${folder}: ${written.length} written, ${unchanged} unchanged, ${removed.length} removed`;
  return `${[...shown, ...rest, sum].join("\n")}\n`;
}
