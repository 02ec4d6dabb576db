import {
  Document,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { PathStep } from "./findings.js";

/** A value that a file gets at a path whose last step is not there yet. */
export interface Insertion {
  readonly path: readonly PathStep[];
  readonly value: unknown;
  /** Key of the mapping after which it goes; by default it goes to the end. */
  readonly after?: string;
}

/**
 * Inserts lines into a YAML text and leaves every other letter as it is. Knows the usual form only: the value's parent
 * is a mapping or list in block style, with an entry that shows how entries are written there.
 * @returns undefined for any other form, and for a text of undefined, so that insertions can follow one another
 */
export function insertText(text: string | undefined, { path, value, after }: Insertion): string | undefined {
  if (text === undefined) return undefined;
  const parent = blockParent(text, path.slice(0, -1));
  const elder = parent?.items.findLast((item) => after === undefined || keyOf(item) === after) as Node | undefined;
  if (parent === undefined || elder === undefined) return undefined;
  const entry = isMap(parent) ? { [path.at(-1)!]: value } : [value];
  const sibling = isPair(elder) ? (elder.value as Node | null) : elder;
  const document = new Document(entry);
  styleLike(document, after === undefined ? sibling : null);
  const column = columnOf(text, parent);
  const written = document.toString({
    lineWidth: 0,
    indent: stepOf(text, parent, sibling),
    flowCollectionPadding: isPadded(text, sibling),
  });
  return spliceAfter(text, { offset: endOf(elder), lines: written.trimEnd().split("\n"), column });
}

/** Shares on one line, as people write them; and an entry on one line where its sibling is. */
export function styleLike(document: Document, sibling: Node | null): void {
  visit(document, {
    Map: (_, map) => {
      if (map.items.every(({ value }) => isScalar(value) && typeof value.value === "number")) map.flow = true;
    },
  });
  const [entry] = isCollection(document.contents) ? (document.contents.items as unknown[]) : [];
  const value = isPair(entry) ? entry.value : entry;
  if (isMap(sibling) && sibling.flow === true && isMap(value)) value.flow = true;
}

function blockParent(text: string, path: readonly PathStep[]): YAMLMap | YAMLSeq | undefined {
  let node: unknown = parseDocument(text, { version: "1.2", merge: false }).contents;
  for (const step of [...path, undefined]) {
    if (!isCollection(node) || node.flow === true) return undefined;
    if (step !== undefined) node = node.get(step, true);
  }
  return node as YAMLMap | YAMLSeq;
}

function keyOf(item: unknown): unknown {
  return isPair(item) && isScalar(item.key) ? item.key.value : undefined;
}

/** Where the entries of a block collection begin on their lines, dashes included. */
function columnOf(text: string, parent: YAMLMap | YAMLSeq): number {
  const [first] = parent.items as unknown[];
  const start = startOf(isPair(first) ? first.key : first);
  const entry = isSeq(parent) ? text.lastIndexOf("-", start - 1) : start;
  return entry - (text.lastIndexOf("\n", entry - 1) + 1);
}

/** How many spaces each level is indented by in this part of the file. */
function stepOf(text: string, parent: YAMLMap | YAMLSeq, sibling: Node | null): number {
  if (!isCollection(sibling) || sibling.flow === true || sibling.items.length === 0) return 2;
  const inner = isSeq(parent) ? sibling.items.map((item) => isPair(item) && item.value).find(isBlock) : sibling;
  if (!isBlock(inner)) return 2;
  const outer = isSeq(parent) ? sibling : parent;
  return Math.max(1, columnOf(text, inner) - columnOf(text, outer as YAMLMap));
}

function isBlock(node: unknown): node is YAMLMap {
  return isMap(node) && node.flow !== true && node.items.length > 0;
}

/** Whether one-line mappings are written `{ a: 1 }` here, and not `{a: 1}`. */
function isPadded(text: string, sibling: Node | null): boolean {
  const opened = text.indexOf("{", startOf(sibling));
  return opened < 0 || text[opened + 1] === " ";
}

function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

/** Where the last thing of an entry ends; what a block collection counts as its own after that is comments. */
function endOf(item: unknown): number {
  if (isPair(item)) return Math.max(endOf(item.key), endOf(item.value));
  if (isCollection(item) && item.flow !== true && item.items.length > 0) return endOf(item.items.at(-1));
  return (item as Node | null)?.range?.[1] ?? 0;
}

function spliceAfter(text: string, piece: { offset: number; lines: readonly string[]; column: number }): string {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const end = piece.offset - (/\s*$/.exec(text.slice(0, piece.offset))?.[0].length ?? 0);
  const lineEnd = text.indexOf("\n", end);
  const before = lineEnd < 0 ? text + newline : text.slice(0, lineEnd + 1);
  const lines = piece.lines.map((line) => " ".repeat(piece.column) + line + newline);
  return before + lines.join("") + (lineEnd < 0 ? "" : text.slice(lineEnd + 1));
}
