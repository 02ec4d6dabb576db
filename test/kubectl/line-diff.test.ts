import assert from "node:assert/strict";
import fc from "fast-check";
import { unifiedDiff } from "../../src/kubectl/line-diff.js";

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`);
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

describe("unifiedDiff()", () => {
  it("is nothing for equal texts", () => {
    assert.deepEqual(unifiedDiff("a\nb\n", "a\nb\n"), []);
  });

  it("shows a change with three lines around it, and where it is", () => {
    const changed = numbered(20).with(9, "other");
    assert.deepEqual(unifiedDiff(text(numbered(20)), text(changed)), [
      "@@ -7 +7 @@",
      " line 7",
      " line 8",
      " line 9",
      "-line 10",
      "+other",
      " line 11",
      " line 12",
      " line 13",
    ]);
  });

  it("keeps distant changes apart, each with its place in both texts", () => {
    const changed = ["first", ...numbered(30).toSpliced(24, 1)];
    const places = unifiedDiff(text(numbered(30)), text(changed)).filter((line) => line.startsWith("@@"));
    assert.deepEqual(places, ["@@ -1 +1 @@", "@@ -22 +23 @@"]);
  });

  it("tells as few lines as changed where lines repeat", () => {
    const diff = unifiedDiff("a\nb\na\nb\nc\n", "a\nb\nx\na\nb\nc\n");
    assert.deepEqual(
      diff.filter((line) => /^[-+]/.test(line)),
      ["+x"],
    );
  });

  it("tells texts too long to compare as removed and added whole", () => {
    const long = numbered(3000);
    const diff = unifiedDiff(text(long), text(long.map((line) => `${line}!`)));
    assert.equal(diff.filter((line) => line.startsWith("-")).length, 3000);
    assert.equal(diff.filter((line) => line.startsWith("+")).length, 3000);
  });

  it("makes the second text of the first, whatever they are", () => {
    const lines = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        assert.deepEqual(applied(before, unifiedDiff(text(before), text(after))), after);
      }),
      { numRuns: 2_000, seed: 20_261_126 },
    );
  });
});

/** What the lines of a diff make of a text. */
function applied(before: readonly string[], diff: readonly string[]): string[] {
  const result: string[] = [];
  let at = 0;
  for (const line of diff) {
    const hunk = /^@@ -(\d+) /.exec(line);
    if (hunk) {
      while (at < Number(hunk[1]) - 1) result.push(before[at++]!);
    } else if (line.startsWith("+")) {
      result.push(line.slice(1));
    } else {
      assert.equal(before[at++], line.slice(1));
      if (line.startsWith(" ")) result.push(line.slice(1));
    }
  }
  return [...result, ...before.slice(at)];
}
