import type { Classes } from "./onnx-constant.js";
import type { OnnxGraph, OnnxNode } from "./onnx-graph.js";

/** Attributes in which the classifiers of `ai.onnx.ml` list their classes. */
const CLASS_ATTRIBUTES = ["classlabels_strings", "classlabels_ints", "classlabels_int64s"];
/** Operators whose values are those of their first input. */
const PASSING = new Set(["Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"]);
/** Steps that are followed back from an output; exporters need two or three. */
const MAX_STEPS = 16;

/**
 * The classes that an output's values are taken from: the list of the classifier that makes it, or the constant that
 * it picks from. Undefined where the graph does not tell.
 */
export function findClasses(
  graph: OnnxGraph,
  producers: ReadonlyMap<string, OnnxNode>,
  output: string,
): Classes | undefined {
  const classes = traceClasses(graph, producers, output);
  const values: readonly (number | string)[] = classes?.values ?? [];
  return new Set(values).size === values.length ? classes : undefined;
}

function traceClasses(graph: OnnxGraph, producers: ReadonlyMap<string, OnnxNode>, output: string): Classes | undefined {
  let name = output;
  for (let step = 0; step < MAX_STEPS; step++) {
    const node = producers.get(name);
    if (node === undefined) return undefined;
    const listed = CLASS_ATTRIBUTES.map((attribute) => node.lists.get(attribute)).find((list) => list !== undefined);
    // A classifier's first output is the class, the second its scores.
    if (listed) return node.outputs[0] === name ? listed : undefined;
    const source = node.inputs[0];
    if (node.op === "LabelEncoder") return node.lists.get("values_strings") ?? node.lists.get("values_int64s");
    if (source === undefined) return undefined;
    if (node.op === "ArrayFeatureExtractor") return graph.constants.get(source);
    if (!PASSING.has(node.op)) return undefined;
    name = source;
  }
  return undefined;
}

/** Nodes by the names of their outputs. */
export function indexProducers(graph: OnnxGraph): Map<string, OnnxNode> {
  const producers = new Map<string, OnnxNode>();
  for (const node of graph.nodes) for (const output of node.outputs) producers.set(output, node);
  return producers;
}
