/** Lines around a change that are shown with it. */
const CONTEXT = 3;
/** Cells of the table of common lines that are worth their memory: 2000 lines against 2000. */
const LARGEST_TABLE = 4_000_000;

interface Edit {
  readonly mark: " " | "-" | "+";
  readonly line: string;
}

/**
 * The difference of two texts, line by line, as `diff -u` shows it without the head: lines that begin with `@@`, space,
 * `-` or `+`. Nothing where there is none.
 */
export function unifiedDiff(before: string, after: string): string[] {
  if (before === after) return [];
  return hunks(edits(toLines(before), toLines(after)));
}

function toLines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function edits(before: readonly string[], after: readonly string[]): Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const room = Math.min(before.length, after.length) - start;
  while (end < room && before.at(-1 - end) === after.at(-1 - end)) end++;
  const kept = (line: string): Edit => ({ mark: " ", line });
  return [
    ...before.slice(0, start).map(kept),
    ...changedLines(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(kept),
  ];
}

/** By the longest common subsequence; two texts too long for its table are told as removed and added whole. */
function changedLines(before: readonly string[], after: readonly string[]): Edit[] {
  const result: Edit[] = [];
  const small = before.length * after.length <= LARGEST_TABLE;
  const common = small ? commonLengths(before, after) : undefined;
  const width = after.length + 1;
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (common !== undefined && i < before.length && j < after.length && before[i] === after[j]) {
      result.push({ mark: " ", line: before[i]! });
      i++;
      j++;
    } else if (
      j >= after.length ||
      (i < before.length && (common?.[(i + 1) * width + j] ?? 0) >= (common?.[i * width + j + 1] ?? 0))
    ) {
      result.push({ mark: "-", line: before[i++]! });
    } else {
      result.push({ mark: "+", line: after[j++]! });
    }
  }
  return result;
}

/** Length of the longest common subsequence of what follows line i of one and line j of the other, row by row. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const cell = i * width + j;
      lengths[cell] =
        before[i] === after[j] ? lengths[cell + width + 1]! + 1 : Math.max(lengths[cell + width]!, lengths[cell + 1]!);
    }
  }
  return lengths;
}

/** Changes with their surroundings; those that are near one another stay together. */
function hunks(all: readonly Edit[]): string[] {
  const shown = new Set<number>();
  for (const [index, { mark }] of all.entries()) {
    if (mark === " ") continue;
    for (let near = Math.max(0, index - CONTEXT); near <= index + CONTEXT; near++) shown.add(near);
  }
  const lines: string[] = [];
  const at = { "-": 1, "+": 1 };
  for (const [index, { mark, line }] of all.entries()) {
    if (shown.has(index)) {
      if (!shown.has(index - 1)) lines.push(`@@ -${at["-"]} +${at["+"]} @@`);
      lines.push(`${mark}${line}`);
    }
    if (mark !== "+") at["-"]++;
    if (mark !== "-") at["+"]++;
  }
  return lines;
}
