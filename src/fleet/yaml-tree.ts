import type { PathStep } from "./findings.js";
import { type Origin, type TreeFinding, YamlReader } from "./yaml-reader.js";
import { type Parsed, parseYaml } from "./yaml-syntax.js";

/** A YAML text as plain data that remembers where each value stands. */
export class YamlTree {
  /** Strings, numbers, booleans, null, arrays and plain objects. Undefined where the text has errors of syntax. */
  readonly data: unknown;
  /** What is wrong with the text as YAML, or outside of the part of YAML that fleet files use. */
  readonly findings: readonly TreeFinding[];
  readonly #lines: Parsed["lines"];
  readonly #origins: ReadonlyMap<object, ReadonlyMap<string, Origin>>;
  readonly #start: number;

  constructor(text: string) {
    const parsed = parseYaml(text);
    this.#lines = parsed.lines;
    const reader = new YamlReader();
    if (parsed.findings.length === 0 && parsed.document !== undefined) {
      const data = reader.read(parsed.document.contents, []);
      if (!reader.overflowed) this.data = data;
    }
    this.findings = [...parsed.findings, ...reader.findings];
    this.#origins = reader.origins;
    this.#start = parsed.document?.contents?.range?.[0] ?? 0;
  }

  /** Line and column, from 1, of an offset of the text. */
  position(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(Math.max(0, offset));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** Where the value at `path` begins; of a path that is not there, where its nearest parent that is does. */
  offsetOf(path: readonly PathStep[]): number {
    return this.#find(path).value;
  }

  /** Where the key of the last step begins; for a place in a list, where its value does. */
  offsetOfKey(path: readonly PathStep[]): number {
    return this.#find(path).key;
  }

  /** The scalar at `path` as it is written; undefined for anything else. */
  sourceAt(path: readonly PathStep[]): string | undefined {
    return this.#find(path).source;
  }

  #find(path: readonly PathStep[]): Origin {
    let data = this.data;
    let found: Origin = { key: this.#start, value: this.#start, source: undefined };
    for (const step of path) {
      const origin = isObject(data) ? this.#origins.get(data) : undefined;
      const offsets = origin?.get(String(step));
      if (offsets === undefined) return found;
      found = offsets;
      data = (data as Record<PathStep, unknown>)[step];
    }
    return found;
  }

  /** Keys of the mapping at `path` in the file's order, which a JavaScript object does not keep for `"2"` and `"10"`. */
  keysAt(path: readonly PathStep[]): string[] {
    let data = this.data;
    for (const step of path) {
      if (!isObject(data) || !Object.hasOwn(data, step)) return [];
      data = (data as Record<PathStep, unknown>)[step];
    }
    return isObject(data) && !Array.isArray(data) ? [...(this.#origins.get(data)?.keys() ?? [])] : [];
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
