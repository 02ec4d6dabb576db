/**
 * Writes what JSON can hold as YAML. It is there for its speed, some five times that of the `yaml` package, which a
 * thousand contracts' manifests need; and it writes a text plainly only where YAML 1.1, which kubectl reads, and 1.2 both
 * take it for a text.
 */

/** Letters, but no exponent; then what no YAML gives a meaning to: a colon only before more, single spaces inside. */
const PLAIN =
  /^(?![eE][+-]?\d)[A-Za-z_/](?:[\w./@*+,=;()<>|%$^?{}[\]!&~"'`-]|:(?=[^\s])| (?=[\w./@*+,=;()<>|%$^?{}[\]!&~"'`-]))*$/;
/** Quantities and durations: `512Mi`, `100m`, `0.5s`. A number is followed by a unit that no YAML knows. */
const QUANTITY = /^\d+(?:\.\d+)?(?:ms|s|m|h|k|[KMGT]i?)$/;
/** Quotes or backslashes that double quotes would double, and nothing that they alone can write. */
const SINGLE_QUOTED = /^[ -~]*["\\][ -~]*$/;
/** What YAML 1.1 takes for something else than a text. */
const WORDS = new Set(["y", "n", "yes", "no", "on", "off", "true", "false", "null"]);
/** A text that a block shows letter by letter: printable, and no line begins or ends in what gets lost. */
const BLOCK = /^[^\s\p{C}\u2028\u2029][^\p{C}\u2028\u2029]*(?:\n+[^\p{C}\u2028\u2029]+)*\n?$/u;
const TRAILING_SPACE = / (?:\n|$)/;

/**
 * A value as YAML in block style, indented by two spaces, with a line feed at its end. Keys keep their order; those
 * without a value are left out.
 * @throws Error at a value that JSON does not know
 */
export function toYaml(value: unknown): string {
  const lines: string[] = [];
  writeNode(lines, { head: "", value, indent: "" });
  return `${lines.join("\n")}\n`;
}

interface Place {
  /** What the line has before the value: `key:`, `-`, or nothing. */
  readonly head: string;
  readonly value: unknown;
  /** Of the lines of a mapping or list that the value is. */
  readonly indent: string;
}

function writeNode(lines: string[], { head, value, indent }: Place): void {
  if (Array.isArray(value) && value.length > 0) {
    if (head !== "") lines.push(head);
    for (const item of value) writeItem(lines, indent, item);
  } else if (isMapping(value) && hasValues(value)) {
    if (head !== "") lines.push(head);
    writeEntries(lines, indent, value);
  } else {
    lines.push(`${head}${head === "" ? "" : " "}${scalar(value, indent)}`);
  }
}

function writeEntries(lines: string[], indent: string, mapping: Record<string, unknown>): void {
  for (const key of Object.keys(mapping)) {
    const value = mapping[key];
    if (value === undefined) continue;
    writeNode(lines, { head: `${indent}${text(key)}:`, value, indent: `${indent}  ` });
  }
}

/** A mapping or list in a list begins on the line of its hyphen. */
function writeItem(lines: string[], indent: string, item: unknown): void {
  const first = lines.length;
  const nested = (isMapping(item) && hasValues(item)) || (Array.isArray(item) && item.length > 0);
  writeNode(lines, { head: nested ? "" : `${indent}-`, value: item, indent: `${indent}  ` });
  if (nested) lines[first] = `${indent}- ${lines[first]!.slice(indent.length + 2)}`;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasValues(mapping: Record<string, unknown>): boolean {
  for (const key of Object.keys(mapping)) if (mapping[key] !== undefined) return true;
  return false;
}

function scalar(value: unknown, indent: string): string {
  if (typeof value === "string") return value.includes("\n") ? block(value, indent) : text(value);
  if (value === null || typeof value === "boolean") return String(value);
  // YAML 1.1 takes no number for one that has an exponent and no point.
  if (typeof value === "number" && Number.isFinite(value)) return String(value).replace(/^(-?\d+)e/, "$1.0e");
  if (Array.isArray(value)) return "[]";
  if (isMapping(value)) return "{}";
  throw new Error(`expected what JSON can hold, got ${String(value)}`);
}

function text(value: string): string {
  const plain = PLAIN.test(value) ? !WORDS.has(value.toLowerCase()) : QUANTITY.test(value);
  return plain ? value : quoted(value);
}

/** JSON's own form, with the few characters escaped that JSON allows and YAML doesn't; or single quotes where it reads better. */
function quoted(value: string): string {
  if (SINGLE_QUOTED.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A text of several lines as they are. */
function block(value: string, indent: string): string {
  if (!BLOCK.test(value) || TRAILING_SPACE.test(value)) return quoted(value);
  const body = value.replace(/\n$/, "").replace(/^(?=.)/gm, indent || "  ");
  return `|${value.endsWith("\n") ? "" : "-"}\n${body}`;
}
