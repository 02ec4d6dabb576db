import { isAlias, isMap, isNode, isScalar, isSeq, type Node, type Scalar } from "yaml";
import { formatPath, type PathStep, show } from "./findings.js";

/** With aliases a short text can stand for a huge value: more values than this are not read. */
const MAX_VALUES = 1_000_000;

/** Something wrong at a place of the text. */
export interface TreeFinding {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

/** Where one entry of a mapping or list stands in the text. */
export interface Origin {
  readonly key: number;
  readonly value: number;
  /** A scalar as it is written, which for a number says more than its value: `1.10`. */
  readonly source: string | undefined;
}

/** Makes plain data of YAML nodes. Aliases share one value, so that a text of nested aliases stays as small as it is written. */
export class YamlReader {
  readonly findings: TreeFinding[] = [];
  /** Entries of each mapping and list, in the file's order. */
  readonly origins = new Map<object, ReadonlyMap<string, Origin>>();
  readonly #read = new Map<Node, { data: unknown; values: number }>();
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  #values = 0;

  /** Whether aliases blew the data up past any use. */
  get overflowed(): boolean {
    return this.#values > MAX_VALUES;
  }

  read(node: Node | null, path: PathStep[]): unknown {
    const target = this.#resolve(node, path);
    if (target === undefined) return null;
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
    if (this.overflowed) return null;
    this.#count(1, node, path);
    this.#open.add(target);
    const data = this.#readNode(target, path);
    this.#open.delete(target);
    if (target.anchor !== undefined) this.#read.set(target, { data, values: this.#values - before });
    return data;
  }

  #readNode(node: Node, path: PathStep[]): unknown {
    if (isScalar(node)) return node.value;
    const origin = new Map<string, Origin>();
    if (isSeq(node)) {
      const list: unknown[] = [];
      this.origins.set(list, origin);
      for (const [index, item] of node.items.entries()) {
        const offset = offsetOf(item) ?? offsetOf(node) ?? 0;
        origin.set(String(index), { key: offset, value: offset, source: sourceOf(item) });
        list.push(this.read(item as Node | null, [...path, index]));
      }
      return list;
    }
    if (!isMap(node)) return null;
    const object: Record<string, unknown> = {};
    this.origins.set(object, origin);
    for (const pair of node.items) {
      const key = this.#readKey(pair.key, path);
      if (key === undefined) continue;
      const keyOffset = offsetOf(pair.key) ?? offsetOf(node) ?? 0;
      if (origin.has(key)) {
        const fix = "leave one of the two out";
        this.#report(pair.key, [...path, key], "is written twice in the same mapping", fix);
        continue;
      }
      // An empty value has no place of its own to point at.
      const value = pair.value === null ? keyOffset : (offsetOf(pair.value) ?? keyOffset);
      origin.set(key, { key: keyOffset, value, source: sourceOf(pair.value) });
      object[key] = this.read(pair.value as Node | null, [...path, key]);
    }
    return object;
  }

  /** A mapping's key as text, or undefined where it is not one. */
  #readKey(node: unknown, path: PathStep[]): string | undefined {
    const key = this.#resolve(node, path);
    if (!isScalar(key)) {
      this.#report(node, path, "expected a name as a key, got something else");
      return undefined;
    }
    if (typeof key.value === "string" && key.value !== "__proto__") return key.value;
    const source = key.source ?? "";
    if (key.value === "__proto__") this.#report(node, path, '"__proto__" can\'t be a key');
    else if (source === "") this.#report(node, path, "expected a name as a key, got nothing");
    else
      this.#report(
        node,
        path,
        `expected text as a key, got ${notText(key.value, source)}`,
        `write it in quotes: ${show(source)}`,
      );
    // Kept as it is written, so that what stands under it is checked too.
    return key.value === "__proto__" || source === "" ? undefined : source;
  }

  /** The node itself, or what an alias names: the last node before it with that anchor. */
  #resolve(node: unknown, path: readonly PathStep[]): Node | undefined {
    if (isAlias(node)) {
      const named = this.#anchors.get(node.source);
      if (named === undefined)
        this.#report(
          node,
          path,
          `no value before is marked ${show(`&${node.source}`)}`,
          "mark one, or write the value out",
        );
      return named;
    }
    if (!isNode(node)) return undefined;
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    return node;
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

function sourceOf(node: unknown): string | undefined {
  return isScalar(node) ? (node as Scalar).source : undefined;
}
