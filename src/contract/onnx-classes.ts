import type { Classes } from "./onnx-constant.js";

/** Attributes in which the classifiers of `ai.onnx.ml` list their classes. */
const CLASS_ATTRIBUTES = ["classlabels_strings", "classlabels_ints", "classlabels_int64s"];
/** Operators whose values are those of their first input. */
const PASSING = new Set(["Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"]);
/** Operator that picks values out of its first input. */
const PICKING = "ArrayFeatureExtractor";
/** Operator that replaces values by those it lists. */
const ENCODING = "LabelEncoder";
/** Steps that are followed back from an output; exporters need two or three. */
const MAX_STEPS = 16;

/** What is kept of a node on the way from a classifier's answer back to its classes. */
export interface ClassNode {
  readonly op: string;
  /** The first input, if any. */
  readonly source: string | undefined;
  /** The first output: a classifier's class. Others are its scores. */
  readonly output: string;
  readonly classes: Classes | undefined;
}

/** A node as far as it can lie on that way; undefined for all others, which are most of a graph. */
export function toClassNode(node: {
  readonly op: string;
  readonly source: string | undefined;
  readonly output: string | undefined;
  /** Lists of integers or strings by attribute. */
  readonly lists: ReadonlyMap<string, Classes>;
}): ClassNode | undefined {
  const { op, source, output, lists } = node;
  if (output === undefined) return undefined;
  const classes = CLASS_ATTRIBUTES.map((attribute) => lists.get(attribute)).find((list) => list !== undefined);
  if (classes) return { op, source, output, classes };
  if (op === ENCODING) {
    return { op, source, output, classes: lists.get("values_strings") ?? lists.get("values_int64s") };
  }
  return op === PICKING || PASSING.has(op) ? { op, source, output, classes: undefined } : undefined;
}

/** Where classes are looked for. */
export interface ClassSources {
  /** Nodes by the name of their first output. */
  readonly nodes: ReadonlyMap<string, ClassNode>;
  /** Constants by name, with their values where these can be classes. */
  readonly constants: ReadonlyMap<string, Classes | undefined>;
}

/**
 * The classes that an output's values are taken from: the list of the classifier that makes it, or the constant that
 * it picks from. Undefined where the graph does not tell.
 */
export function findClasses(sources: ClassSources, output: string): Classes | undefined {
  const classes = traceClasses(sources, output);
  const values: readonly (number | string)[] = classes?.values ?? [];
  return new Set(values).size === values.length ? classes : undefined;
}

function traceClasses({ nodes, constants }: ClassSources, output: string): Classes | undefined {
  let name: string | undefined = output;
  for (let step = 0; step < MAX_STEPS && name !== undefined; step++) {
    const node: ClassNode | undefined = nodes.get(name);
    if (node?.classes) return node.classes;
    if (node?.op === PICKING && node.source !== undefined) return constants.get(node.source);
    if (node === undefined || !PASSING.has(node.op)) return undefined;
    name = node.source;
  }
  return undefined;
}
