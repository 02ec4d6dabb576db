import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** A table in Markdown. Columns of numbers are flush right: all but the first. */
export function markdownTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** Prints a report, and keeps it as `generated/bench/<name>.md`. */
export function writeReport(name: string, text: string): void {
  process.stdout.write(`${text}\n`);
  const folder = path.join("generated", "bench");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${name}.md`), text);
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
