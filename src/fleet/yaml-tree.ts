import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, type Node, Parser } from "yaml";
import { formatPath, type PathStep, show } from "./findings.js";

/** Bounds on a fleet file, far above any real one, so that a hostile one costs little. */
const MAX_DEPTH = 64;
const MAX_LEXEMES = 600_000;
const MAX_VALUES = 1_000_000;

/** Something wrong at a place of the text. */
export interface TreeFinding {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

/** A YAML text as plain data that remembers where each value stands. */
export class YamlTree {
  /** Strings, numbers, booleans, null, arrays and plain objects. Undefined where the text has errors of syntax. */
  readonly data: unknown;
  /** What is wrong with the text as YAML, or outside of the part of YAML that fleet files use. */
  readonly findings: readonly TreeFinding[];
  readonly #lines: LineCounter;
  readonly #origins: ReadonlyMap<object, Origin>;
  readonly #start: number;

  constructor(text: string) {
    const parsed = parse(text);
    this.#lines = parsed.lines;
    const reader = new Reader();
    if (parsed.findings.length === 0 && parsed.document !== undefined) {
      this.data = reader.read(parsed.document.contents, [], parsed.document);
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

  #find(path: readonly PathStep[]): { key: number; value: number } {
    let data = this.data;
    let found = { key: this.#start, value: this.#start };
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

/** Offsets of each entry of one mapping or list, in order. */
type Origin = ReadonlyMap<string, { key: number; value: number }>;

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

interface Parsed {
  readonly document: Document.Parsed | undefined;
  readonly lines: LineCounter;
  readonly findings: readonly TreeFinding[];
}

/**
 * Text to document. Lexes step by step, because the composer behind it is recursive and keeps every error: a deep or
 * endless text has to be stopped before it gets there.
 */
function parse(text: string): Parsed {
  const lines = new LineCounter();
  const parser = new Parser(lines.addNewLine);
  const tokens = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    lexemes++;
    if (parser.stack.length > MAX_DEPTH) {
      const message = `nested more than ${MAX_DEPTH} levels deep`;
      return { document: undefined, lines, findings: [plain(parser.offset, message, "a fleet file needs ten")] };
    }
    if (lexemes > MAX_LEXEMES) {
      const message = `more than ${MAX_LEXEMES} pieces of text`;
      return { document: undefined, lines, findings: [plain(parser.offset, message, "split the fleet into several files")] };
    }
  }
  for (const token of parser.end()) tokens.push(token);
  // Duplicate keys are this file's work: the composer compares each key with each other.
  const composer = new Composer({ version: "1.2", merge: false, uniqueKeys: false });
  const [document, second] = composer.compose(tokens, true, text.length) as Iterable<Document.Parsed>;
  return { document, lines, findings: document === undefined ? [] : syntaxFindings(document, second) };
}

function syntaxFindings(document: Document.Parsed, second: Document.Parsed | undefined): TreeFinding[] {
  const findings = [...document.errors, ...document.warnings].map((error) => {
    // One line a finding: the parser's own text may quote the file.
    return plain(error.pos[0], `not valid YAML: ${error.message.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, 200)}`);
  });
  if (document.directives.yaml.explicit && document.directives.yaml.version !== "1.2") {
    findings.push(plain(0, `expected YAML 1.2, got %YAML ${document.directives.yaml.version}`, "leave the %YAML line out"));
  }
  if (second !== undefined) {
    const offset = second.range?.[0] ?? 0;
    findings.push(plain(offset, "expected one YAML document, got several", 'leave out what follows the line "---"'));
  }
  return findings;
}

function plain(offset: number, message: string, fix = ""): TreeFinding {
  return { offset, path: "", message, fix };
}

/** Nodes to plain data. Aliases share one value, so that a text of nested aliases stays as small as it is written. */
class Reader {
  readonly findings: TreeFinding[] = [];
  readonly origins = new Map<object, Origin>();
  readonly #read = new Map<Node, { data: unknown; values: number }>();
  readonly #open = new Set<Node>();
  #values = 0;

  read(node: Node | null, path: PathStep[], document: Document.Parsed): unknown {
    const target = isAlias(node) ? node.resolve(document) : node;
    if (target === undefined || target === null) return null;
    const known = this.#read.get(target);
    if (known !== undefined) {
      this.#count(known.values, node, path);
      return known.data;
    }
    if (this.#open.has(target)) {
      this.#report(node, path, "an alias inside of what it names", "write the value out");
      return null;
    }
    const before = this.#values;
    this.#count(1, node, path);
    this.#open.add(target);
    const data = this.#readNode(target, path, document);
    this.#open.delete(target);
    if (target.anchor !== undefined) this.#read.set(target, { data, values: this.#values - before });
    return data;
  }

  #readNode(node: Node, path: PathStep[], document: Document.Parsed): unknown {
    if (isScalar(node)) return node.value;
    const origin = new Map<string, { key: number; value: number }>();
    if (isSeq(node)) {
      const list: unknown[] = [];
      this.origins.set(list, origin);
      for (const [index, item] of node.items.entries()) {
        const offset = offsetOf(item) ?? offsetOf(node) ?? 0;
        origin.set(String(index), { key: offset, value: offset });
        list.push(this.read(item as Node | null, [...path, index], document));
      }
      return list;
    }
    if (!isMap(node)) return null;
    const object: Record<string, unknown> = {};
    this.origins.set(object, origin);
    for (const pair of node.items) {
      const key = this.#readKey(pair.key, path, document);
      if (key === undefined) continue;
      const keyOffset = offsetOf(pair.key) ?? offsetOf(node) ?? 0;
      if (origin.has(key)) {
        const fix = "leave one of the two out";
        this.#report(pair.key, [...path, key], "is written twice in the same mapping", fix);
        continue;
      }
      // An empty value has no place of its own to point at.
      const value = pair.value === null ? keyOffset : (offsetOf(pair.value) ?? keyOffset);
      origin.set(key, { key: keyOffset, value });
      object[key] = this.read(pair.value as Node | null, [...path, key], document);
    }
    return object;
  }

  /** A mapping's key as text, or undefined where it is not one. */
  #readKey(node: unknown, path: PathStep[], document: Document.Parsed): string | undefined {
    const key = isAlias(node) ? node.resolve(document) : node;
    if (!isScalar(key)) {
      this.#report(node, path, "expected a name as a key, got something else");
      return undefined;
    }
    if (typeof key.value === "string" && key.value !== "__proto__") return key.value;
    const source = key.source ?? "";
    if (key.value === "__proto__") this.#report(node, path, '"__proto__" can\'t be a key');
    else if (source === "") this.#report(node, path, "expected a name as a key, got nothing");
    else this.#report(node, path, `expected text as a key, got ${notText(key.value, source)}`, `write it in quotes: ${show(source)}`);
    return undefined;
  }

  #count(values: number, node: unknown, path: PathStep[]): void {
    const before = this.#values;
    this.#values += values;
    if (before <= MAX_VALUES && this.#values > MAX_VALUES) {
      this.#report(node, path, `aliases make this more than ${MAX_VALUES} values`, "use fewer aliases");
    }
  }

  #report(node: unknown, path: readonly PathStep[], message: string, fix = ""): void {
    this.findings.push({ offset: offsetOf(node) ?? 0, path: formatPath(path), message, fix });
  }
}

/** What YAML made of a word that was meant as text: `1.10, which YAML reads as the number 1.1`. */
export function notText(value: unknown, source: string): string {
  const kind = typeof value === "boolean" ? "" : "the number ";
  if (value === null) return `${source}, which YAML reads as nothing`;
  return `${source}, which YAML reads as ${kind}${String(value)}`;
}

function offsetOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
