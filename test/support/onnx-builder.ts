import type { Datatype } from "../../src/contract/datatype.js";
import { type Dimension, encodeModel, type ModelSpec, type NodeSpec, type ValueSpec } from "./onnx-encoder.js";

/** One tensor of a ready-made model. */
export interface TensorPort {
  readonly name: string;
  readonly datatype: Datatype;
  /** Dimensions: a number, a name, or -1 for free without a name. */
  readonly shape: readonly Dimension[];
}

/** The bytes of any model: graph, constants, operator sets. Write them to a file, or hand them to a session. */
export function model(spec: ModelSpec): Uint8Array {
  return encodeModel(spec);
}

/** A model whose every input comes out unchanged as `<name>_out`. Takes all datatypes. */
export function identityModel({ inputs }: { readonly inputs: readonly TensorPort[] }): Uint8Array {
  return model({
    inputs,
    outputs: inputs.map((input) => ({ ...input, name: `${input.name}_out` })),
    nodes: inputs.map(({ name }) => ({ op: "Identity", inputs: [name], outputs: [`${name}_out`] })),
  });
}

/** `sum = a + b`, elementwise. @default FP32[batch, 3] */
export function addModel(
  options: { readonly datatype?: Datatype; readonly shape?: readonly Dimension[] } = {},
): Uint8Array {
  const type = { datatype: options.datatype ?? "FP32", shape: options.shape ?? ["batch", 3] } as const;
  return model({
    inputs: [
      { name: "a", ...type },
      { name: "b", ...type },
    ],
    outputs: [{ name: "sum", ...type }],
    nodes: [{ op: "Add", inputs: ["a", "b"], outputs: ["sum"] }],
  });
}

/** `y = factor * x`, FP32. Two of them with different factors make two revisions that a test can tell apart. */
export function scaleModel(options: { readonly factor: number; readonly shape?: readonly Dimension[] }): Uint8Array {
  const type = { datatype: "FP32", shape: options.shape ?? ["batch", 3] } as const;
  return model({
    inputs: [{ name: "x", ...type }],
    outputs: [{ name: "y", ...type }],
    nodes: [{ op: "Mul", inputs: ["x", "factor"], outputs: ["y"] }],
    initializers: [{ name: "factor", datatype: "FP32", dims: [], data: [options.factor] }],
  });
}

/**
 * `y = x`, FP32[batch, 1], after as many products of two `size` x `size` matrices as the largest of `iterations`,
 * INT64[batch, 1], says: a run as slow as a test asks for. One iteration of size 256 takes about 0.3 ms of one core.
 * @param options.size rows of the matrices. @default 256
 */
export function slowModel(options: { readonly size?: number } = {}): Uint8Array {
  const size = options.size ?? 256;
  const matrix = { datatype: "FP32", shape: [size, size] } as const;
  const body = {
    name: "body",
    inputs: [
      { name: "i", datatype: "INT64", shape: [] },
      { name: "more", datatype: "BOOL", shape: [] },
      { name: "state", ...matrix },
    ],
    outputs: [
      { name: "more_out", datatype: "BOOL", shape: [] },
      { name: "state_out", ...matrix },
    ],
    nodes: [
      { op: "Identity", inputs: ["more"], outputs: ["more_out"] },
      { op: "MatMul", inputs: ["state", "state"], outputs: ["state_out"] },
    ],
  } as const;
  return model({
    inputs: [
      { name: "iterations", datatype: "INT64", shape: ["batch", 1] },
      { name: "x", datatype: "FP32", shape: ["batch", 1] },
    ],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch", 1] }],
    nodes: [
      { op: "ReduceMax", inputs: ["iterations"], outputs: ["trips"], attributes: { keepdims: { int: 0 } } },
      { op: "ConstantOfShape", inputs: ["size"], outputs: ["zeros"] },
      { op: "EyeLike", inputs: ["zeros"], outputs: ["eye"] },
      { op: "Loop", inputs: ["trips", "", "eye"], outputs: ["last"], attributes: { body: { graph: body } } },
      // The loop's result is 1 in the end, and the answer hangs on it, so that nothing can leave the loop out.
      { op: "ReduceMax", inputs: ["last"], outputs: ["one"], attributes: { keepdims: { int: 0 } } },
      { op: "Mul", inputs: ["x", "one"], outputs: ["y"] },
    ],
    initializers: [{ name: "size", datatype: "INT64", dims: [2], data: [size, size] }],
  });
}

/** `y = x + h` and `hn = y`, FP32[1, 2]: a model with a state, for streams. With zeros it starts as `y = x`. */
export function stateModel(): Uint8Array {
  const type = { datatype: "FP32", shape: [1, 2] } as const;
  return model({
    inputs: [
      { name: "x", ...type },
      { name: "h", ...type },
    ],
    outputs: [
      { name: "y", ...type },
      { name: "hn", ...type },
    ],
    nodes: [
      { op: "Add", inputs: ["x", "h"], outputs: ["y"] },
      { op: "Identity", inputs: ["y"], outputs: ["hn"] },
    ],
  });
}

/** `y = values[index]`, INT64[batch] to FP32[batch]: an index out of range loads and checks, and fails in the run. */
export function lookupModel(values: readonly number[]): Uint8Array {
  return model({
    inputs: [{ name: "index", datatype: "INT64", shape: ["batch"] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["batch"] }],
    nodes: [{ op: "Gather", inputs: ["values", "index"], outputs: ["y"] }],
    initializers: [{ name: "values", datatype: "FP32", dims: [values.length], data: values }],
  });
}

/**
 * A linear classifier as skl2onnx exports one: input `X` FP32[-1, columns], outputs `label` (INT64, or BYTES where the
 * classes are names) and `probabilities` FP32[-1, classes]. Class c scores x[c % columns]; the probabilities are their
 * softmax, so that the class of a row is the place of its largest value.
 * @param options.zipMap probabilities as a sequence of maps, `output_probability`, as skl2onnx makes them by default
 */
export function classifierModel(options: {
  readonly classes: readonly number[] | readonly string[];
  readonly columns: number;
  readonly zipMap?: boolean;
}): Uint8Array {
  const { classes, columns } = options;
  const names = classes.some((each) => typeof each === "string") ? classes.map(String) : undefined;
  const ids = classes.map(Number);
  const coefficients = classes.flatMap((_, c) => Array.from({ length: columns }, (_, i) => Number(i === c % columns)));
  const nodes: NodeSpec[] = [
    {
      op: "LinearClassifier",
      domain: "ai.onnx.ml",
      inputs: ["X"],
      outputs: ["label", "probabilities"],
      attributes: {
        coefficients: { floats: coefficients },
        intercepts: { floats: classes.map(() => 0) },
        multi_class: { int: 1 },
        post_transform: { string: "SOFTMAX" },
        ...(names ? { classlabels_strings: { strings: names } } : { classlabels_ints: { ints: ids } }),
      },
    },
  ];
  const label: ValueSpec = { name: "label", datatype: names ? "BYTES" : "INT64", shape: [-1] };
  let scores: ValueSpec = { name: "probabilities", datatype: "FP32", shape: [-1, classes.length] };
  if (options.zipMap) {
    const key = names ? "BYTES" : "INT64";
    scores = { name: "output_probability", sequence: { map: { key, value: { datatype: "FP32" } } } };
    nodes.push({
      op: "ZipMap",
      domain: "ai.onnx.ml",
      inputs: ["probabilities"],
      outputs: ["output_probability"],
      attributes: names ? { classlabels_strings: { strings: names } } : { classlabels_int64s: { ints: ids } },
    });
  }
  return model({
    inputs: [{ name: "X", datatype: "FP32", shape: [-1, columns] }],
    outputs: [label, scores],
    nodes,
    opset: { "ai.onnx.ml": 3 },
  });
}

/** `y = x + weights`, FP32[3], where the weights lie in another file, `location`, as 12 bytes. */
export function externalDataModel(location: string): Uint8Array {
  const type = { datatype: "FP32", shape: ["batch", 3] } as const;
  return model({
    inputs: [{ name: "x", ...type }],
    outputs: [{ name: "y", ...type }],
    nodes: [{ op: "Add", inputs: ["x", "weights"], outputs: ["y"] }],
    initializers: [{ name: "weights", datatype: "FP32", dims: [3], external: { location, offset: "0", length: "12" } }],
  });
}

/** A model of an operator that no runtime has: `acme.Frobnicate`. Its file is well made; no session takes it. */
export function unsupportedOperatorModel(): Uint8Array {
  return model({
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 3] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, 3] }],
    nodes: [{ op: "Frobnicate", domain: "acme", inputs: ["x"], outputs: ["y"] }],
    opset: { acme: 1 },
  });
}

/** A model whose input `x` and output `y` are bfloat16, which ONNX Runtime for Node can't take or give. */
export function bfloat16Model(): Uint8Array {
  return model({
    inputs: [{ name: "x", datatype: "BFLOAT16", shape: [-1, 3] }],
    outputs: [{ name: "y", datatype: "BFLOAT16", shape: [-1, 3] }],
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
  });
}
