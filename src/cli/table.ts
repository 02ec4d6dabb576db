import { stripVTControlCharacters } from "node:util";

/** Rows under a head, columns as wide as their widest cell. Colours in cells do not count. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => width(row[column] ?? ""))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell + " ".repeat(Math.max(0, widths[column]! - width(cell))))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
