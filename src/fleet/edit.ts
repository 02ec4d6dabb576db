import { isDeepStrictEqual } from "node:util";
import { Document, isCollection, isNode, parseDocument, stringify, YAMLMap, YAMLSeq } from "yaml";
import { type Insertion, insertText, styleLike } from "./edit-text.js";
import { FleetError, formatPath, type PathStep, show } from "./findings.js";
import { part } from "./rule-report.js";
import { YamlTree } from "./yaml-tree.js";

/** A model or a composition that a fleet file gets. */
export interface RevisionToAdd {
  readonly contract: string;
  readonly revision: string;
  /** Path of the model or of the composition's module, relative to the fleet file, with slashes. */
  readonly says: { readonly model: string } | { readonly module: string };
  readonly sha256: string;
  /** Of a contract that is new to the file. */
  readonly isNew?: NewContract;
}

/** What is said of a contract that is new to the file. */
export interface NewContract {
  /** Path of its transform. */
  readonly transform?: string | undefined;
  /** Contracts that its compositions call, and how long that may take. */
  readonly calls?: readonly string[];
  readonly deadline?: string;
}

/** What `addRevision` needs to know of the file around. */
export interface EditOptions {
  /** The file as findings name it. */
  readonly file: string;
  /** Name of the fleet, for a file that is new. */
  readonly fleetName: string;
  /** Where editors find the JSON Schema, relative to the file, for a file that is new. */
  readonly schema: string;
}

/**
 * A fleet file's text with one revision more; all other text stays as it is, to the letter where the file has the usual
 * form. A contract's first revision gets all its traffic; a later one gets none, until the operator gives it some.
 * Adding what is there already changes nothing.
 * @param text undefined where there is no file yet
 * @throws FleetError where the file can't be edited, or has the revision with another model: revisions never change
 */
export function addRevision(text: string | undefined, added: RevisionToAdd, options: EditOptions): string {
  if (text === undefined) return newFile(added, options);
  const tree = new YamlTree(text);
  checkEditable(tree, options.file);
  if (tree.data === null) return `${text}${newFile(added, options)}`;
  const insertions = planInsertions(tree, added, options.file);
  if (insertions.length === 0) return text;
  const wanted = insertions.reduce(applyToData, structuredClone(tree.data));
  for (const edited of [insertions.reduce<string | undefined>(insertText, text), viaDocument(text, insertions)]) {
    // What was written has to read as what was meant, whatever the form of the file.
    if (edited !== undefined && isDeepStrictEqual(new YamlTree(edited).data, wanted)) return edited;
  }
  const [{ path, value }] = insertions as [Insertion];
  const message = "the file's form is one that can't be edited without a risk";
  throw findingAt(tree, options.file, {
    path: path.slice(0, -1),
    message,
    fix: `add by hand: ${JSON.stringify(value)}`,
  });
}

/** The first of r1, r2, … that no revision is called. */
export function nextRevision(names: Iterable<string>): string {
  const taken = new Set(names);
  let number = 1;
  while (taken.has(`r${number}`)) number++;
  return `r${number}`;
}

function newFile(added: RevisionToAdd, { fleetName, schema }: EditOptions): string {
  const head = { apiVersion: "flotilla.dev/v1", kind: "Fleet", metadata: { name: fleetName } };
  const start = `# yaml-language-server: $schema=${schema}\n${stringify(head)}spec:\n  contracts: []\n`;
  return viaDocument(start, [{ path: ["spec", "contracts", 0], value: newContract(added) }]);
}

function newContract({ contract, revision, says, sha256, isNew = {} }: RevisionToAdd) {
  const said = Object.fromEntries(Object.entries(isNew).filter(([, value]) => value !== undefined));
  const revisions = { [revision]: { ...says, sha256 } };
  // Said, so that whoever adds a caller sees where; nobody may call until then.
  return { name: contract, callers: [], ...said, revisions, traffic: { [revision]: 100 } };
}

/** The places that have to be as the format says, for an insertion to have a place. */
function checkEditable(tree: YamlTree, file: string): void {
  const [first] = tree.findings;
  if (first !== undefined) {
    const { offset, ...finding } = first;
    throw new FleetError([{ file, ...tree.position(offset), ...finding }]);
  }
  const expected: [PathStep[], (value: unknown) => boolean, string][] = [
    [[], isMapping, "a mapping"],
    [["spec"], isMapping, "a mapping"],
    [["spec", "contracts"], Array.isArray, "a list"],
  ];
  for (const [path, fits, form] of expected) {
    const value = path.reduce<unknown>(part, tree.data);
    if (value === undefined || value === null || fits(value)) continue;
    throw findingAt(tree, file, { path, message: `expected ${form}, got ${show(value)}`, fix: "mend the file first" });
  }
}

function isMapping(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function planInsertions(tree: YamlTree, added: RevisionToAdd, file: string): Insertion[] {
  const spec = part(tree.data, "spec");
  const found = part(spec, "contracts");
  const contracts: readonly unknown[] = Array.isArray(found) ? found : [];
  const index = contracts.findIndex((contract) => part(contract, "name") === added.contract);
  if (index < 0) return [{ path: ["spec", "contracts", contracts.length], value: newContract(added) }];
  const path = ["spec", "contracts", index];
  const names = tree.keysAt([...path, "revisions"]);
  const value = { ...added.says, sha256: added.sha256 };
  const existing = part(part(contracts[index], "revisions"), added.revision);
  if (existing !== undefined && existing !== null) {
    if (Object.entries(value).every(([key, said]) => part(existing, key) === said)) return [];
    const at = [...path, "revisions", added.revision];
    const message = `is there already, with ${show(part(existing, "model") ?? part(existing, "module"))}; a revision never changes`;
    throw findingAt(tree, file, { path: at, message, fix: `add it as ${nextRevision(names)}` });
  }
  const insertions: Insertion[] = [{ path: [...path, "revisions", added.revision], value }];
  // Alone, a revision has all the traffic unsaid. With company it has to be said, or the file would not load.
  if (part(contracts[index], "traffic") === undefined) {
    insertions.push({ path: [...path, "traffic"], value: { [names[0] ?? added.revision]: 100 }, after: "revisions" });
  }
  return insertions;
}

function applyToData(data: unknown, { path, value }: Insertion): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const container = (data ?? (typeof step === "number" ? [] : {})) as Record<PathStep, unknown>;
  container[step] = applyToData(container[step], { path: rest, value });
  return container;
}

/** The document written anew: comments and order stay, spacing may not. For files in an unusual form. */
function viaDocument(text: string, insertions: readonly Insertion[]): string {
  const document = parseDocument(text, { version: "1.2", merge: false });
  for (const { path, value } of insertions) {
    path.forEach((step, depth) => {
      fillIn(document, path.slice(0, depth), typeof step === "number");
    });
    const written = new Document(value);
    styleLike(written, null);
    document.setIn(path, written.contents);
  }
  return document.toString({ lineWidth: 0 });
}

/** Makes a block collection of nothing (`contracts:`) and of an empty one on one line (`contracts: []`). */
function fillIn(document: Document, path: readonly PathStep[], list: boolean): void {
  const node = document.getIn(path, true);
  if (isCollection(node) && node.items.length > 0) return;
  const filled = list ? new YAMLSeq() : new YAMLMap();
  if (isNode(node)) Object.assign(filled, { comment: node.comment, commentBefore: node.commentBefore });
  if (path.length === 0) document.contents = filled;
  else document.setIn(path, filled);
}

function findingAt(tree: YamlTree, file: string, what: { path: PathStep[]; message: string; fix: string }): FleetError {
  const { path, message, fix } = what;
  return new FleetError([{ file, ...tree.position(tree.offsetOfKey(path)), path: formatPath(path), message, fix }]);
}
