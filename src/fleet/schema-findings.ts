import type { core } from "zod";
import { formatPath, type PathStep, show } from "./findings.js";
import { placesOfKey, schemaAt } from "./json-schema.js";
import { nearest } from "./nearest.js";
import { notText, type TreeFinding } from "./yaml-reader.js";
import type { YamlTree } from "./yaml-tree.js";

/** What the schema found, said so that the operator can mend it: expected, got, and what to write. */
export function schemaFindings(issues: readonly core.$ZodIssue[], tree: YamlTree): TreeFinding[] {
  const findings = new Map<string, TreeFinding>();
  for (const issue of issues) {
    for (const finding of fromIssue(issue, tree)) {
      // One text may break several checks of a field, which all say the same.
      findings.set(`${finding.path} ${finding.message}`, finding);
    }
  }
  return [...findings.values()];
}

function fromIssue(issue: core.$ZodIssue, tree: YamlTree): TreeFinding[] {
  const path = issue.path as PathStep[];
  if (issue.code === "invalid_union") return ofMeantForm(issue).flatMap((inner) => fromIssue(inner, tree));
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], tree));
  if (issue.code === "invalid_key") return [badKey(path, issue.issues[0]?.message ?? issue.message, tree)];
  const value = valueAt(tree.data, path);
  const [expected, fix] = splitFix(expectation(issue, path));
  if (value === undefined) return [missingKey(path, expected, tree)];
  const offset = tree.offsetOf(path);
  const misread = misreadText(issue, tree);
  if (misread !== undefined) {
    const inQuotes = `write it in quotes: ${show(misread)}`;
    return [{ offset, path: formatPath(path), message: `${expected}, got ${notText(value, misread)}`, fix: inQuotes }];
  }
  return [{ offset, path: formatPath(path), message: `${expected}, got ${show(value)}`, fix }];
}

/** What is wrong with the form that was meant, of several: the one that got past the outermost value, or the first. */
function ofMeantForm({ errors, path }: core.$ZodIssueInvalidUnion): core.$ZodIssue[] {
  const meant = errors.find((issues) => issues.every((issue) => issue.path.length > 0)) ?? errors[0] ?? [];
  return meant.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

/** What was written, where it would be right as text but is not text to YAML: 1.10 as the name of a revision. */
function misreadText(issue: core.$ZodIssue, tree: YamlTree): string | undefined {
  const path = issue.path as PathStep[];
  if (issue.code !== "invalid_type" || issue.expected !== "string") return undefined;
  const source = tree.sourceAt(path);
  const pattern = schemaAt(path)?.pattern;
  return source !== undefined && pattern !== undefined && new RegExp(pattern).test(source) ? source : undefined;
}

function unknownKey(path: readonly PathStep[], tree: YamlTree): TreeFinding {
  const key = String(path.at(-1));
  const known = Object.keys(schemaAt(path.slice(0, -1))?.properties ?? {});
  const meant = nearest(key, known);
  const elsewhere = meant === undefined ? placesOfKey(key) : [];
  let fix = `known here: ${known.join(", ")}`;
  if (meant !== undefined) fix = `did you mean ${meant}?`;
  else if (elsewhere.length > 0)
    fix = `it belongs in ${elsewhere.map((place) => place || "the file itself").join(" or ")}`;
  return { offset: tree.offsetOfKey(path), path: formatPath(path), message: "unknown key", fix };
}

function badKey(path: readonly PathStep[], message: string, tree: YamlTree): TreeFinding {
  const [expected, fix] = splitFix(message);
  const got = show(String(path.at(-1)));
  return { offset: tree.offsetOfKey(path), path: formatPath(path), message: `${expected}, got ${got}`, fix };
}

function missingKey(path: readonly PathStep[], expected: string, tree: YamlTree): TreeFinding {
  const example = schemaAt(path)?.examples?.[0] ?? schemaAt(path)?.const;
  const fix = typeof example === "string" ? `write ${path.at(-1)}: ${example}` : "";
  return { offset: tree.offsetOfKey(path), path: formatPath(path), message: `is missing: ${expected}`, fix };
}

/** The schema's own words, or words for what it leaves to zod: a mapping where something else came. */
function expectation(issue: core.$ZodIssue, path: readonly PathStep[]): string {
  if (!issue.message.startsWith("Invalid input")) return issue.message;
  const schema = schemaAt(path);
  const keys = schema?.required ?? Object.keys(schema?.properties ?? {});
  return keys.length === 0 ? "expected something else" : `expected a mapping with ${keys.join(", ")}`;
}

function splitFix(text: string): [string, string] {
  const [expected = "", ...rest] = text.split("; ");
  return [expected, rest.join("; ")];
}

function valueAt(data: unknown, path: readonly PathStep[]): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PathStep, unknown>)[step];
  }
  return value;
}
