import { relative } from "node:path";

/** A step into the fleet file: a key of a mapping, or a place in a list. */
export type PathStep = string | number;

/** One thing that is wrong with what an operator wrote, and what to write instead. */
export interface Finding {
  /** The file as the operator named it. */
  readonly file: string;
  /** From 1; 0 where the finding is about the file as a whole. */
  readonly line: number;
  /** From 1; 0 where the finding is about the file as a whole. */
  readonly column: number;
  /** Where in the file's structure: `spec.contracts[0].traffic.r1`. Empty where the file has no structure to point at. */
  readonly path: string;
  /** What is wrong: expected and got. */
  readonly message: string;
  /** What to write instead. Empty where the message says it. */
  readonly fix: string;
}

/** Findings beyond this many are counted, not shown: somebody who broke a whole file wants its beginning. */
const SHOWN_FINDINGS = 100;

/** Thrown where a fleet can't be used: carries every finding, and its message lists them a line each. */
export class FleetError extends Error {
  override readonly name = "FleetError";
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(formatFindings(findings));
    this.findings = findings;
  }
}

/** A finding about a whole file. */
export function fileFinding(file: string, message: string, fix = ""): Finding {
  return { file, line: 0, column: 0, path: "", message, fix };
}

/** A finding as compilers write theirs, so that editors and terminals link it: `fleet.yaml:12:9: path: message; fix`. */
export function formatFinding(finding: Finding): string {
  const place = finding.line > 0 ? `${finding.file}:${finding.line}:${finding.column}` : finding.file;
  const path = finding.path === "" ? "" : `${finding.path}: `;
  const fix = finding.fix === "" ? "" : `; ${finding.fix}`;
  return `${place}: ${path}${finding.message}${fix}`;
}

/** All findings, a line each. */
export function formatFindings(findings: readonly Finding[]): string {
  const lines = findings.slice(0, SHOWN_FINDINGS).map(formatFinding);
  const rest = findings.length - lines.length;
  return [...lines, ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n");
}

/** A path as findings show it: `spec.contracts[0].traffic.r1`; keys that are no plain words are quoted. */
export function formatPath(path: readonly PathStep[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${show(step)}]`;
  }
  return text;
}

/** A file as an operator would name it from where they are. */
export function shownFile(path: string): string {
  const way = relative(process.cwd(), path);
  return way.startsWith("..") ? path : way || ".";
}

/** A value as findings show it: quoted, escaped and cut, so that a hostile file can't write to the terminal. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return String(value);
  const cut = value.length > 60 ? `${value.slice(0, 57)}...` : value;
  return JSON.stringify(cut).replace(/[\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
