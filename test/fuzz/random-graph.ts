import type { Datatype } from "../../src/contract/datatype.js";
import { type Random, seededRandom } from "../../src/testing/seeded-random.js";
import { model } from "../support/onnx-builder.js";
import type { Attribute, Dimension, NodeSpec, TensorConstant, ValueSpec } from "../support/onnx-encoder.js";

/** Operators, with how many inputs and which attributes they take. All are computed at load where inputs are constants. */
const OPERATORS = `
  Add 2; Sub 2; Mul 2; Div 2; Pow 2; Mod 2 fmod; Min 2; Max 3; Sum 3; Abs 1; Neg 1; Exp 1; Log 1; Relu 1; Sigmoid 1;
  LeakyRelu 1; Softmax 1 axis; LogSoftmax 1 axis; Hardmax 1 axis; Clip 3; Cast 1 to; Identity 1; Where 3; Reshape 2 allowzero;
  Flatten 1 axis; Squeeze 2; Squeeze 1; Unsqueeze 2; Transpose 1 perm; Concat 2 axis; Concat 3 axis; Split 2 axis;
  Split 1 axis num_outputs; Slice 3; Slice 5; Gather 2 axis; GatherElements 2 axis; GatherND 2 batch_dims;
  ScatterElements 3 axis reduction; ScatterND 3 reduction; Expand 2; Tile 2; Pad 2 mode; Pad 4 mode; Shape 1 start end; Size 1;
  Range 3; OneHot 3 axis; TopK 2 axis largest sorted; NonZero 1; Unique 1 axis sorted; CumSum 2 exclusive reverse;
  ReduceSum 2 keepdims; ReduceMean 1 axes keepdims; ReduceMax 1 axes keepdims; ReduceProd 1 axes; ReduceL2 1 axes; ArgMax 1 axis
  keepdims; MatMul 2; Gemm 3 transA transB; Conv 2 group kernel_shape strides pads dilations auto_pad; ConvTranspose 2 group
  kernel_shape strides pads output_shape; MaxPool 1 kernel_shape strides pads dilations ceil_mode auto_pad; AveragePool 1
  kernel_shape strides pads auto_pad; GlobalAveragePool 1; BatchNormalization 5; LayerNormalization 2 axis;
  InstanceNormalization 3; Dropout 3; LSTM 3 hidden_size direction; GRU 3 hidden_size direction; RNN 3 hidden_size direction;
  Einsum 2 equation; Einsum 1 equation; Resize 3 mode coordinate_transformation_mode; Resize 4 mode; DepthToSpace 1 blocksize mode;
  SpaceToDepth 1 blocksize; EyeLike 1 k; ConstantOfShape 1 value; Constant 0 value; Compress 2 axis; NonMaxSuppression 4;
  RoiAlign 3 mode output_height output_width; ReverseSequence 2 batch_axis time_axis; Trilu 2 upper; QuantizeLinear 3 axis;
  DequantizeLinear 2 axis; MatMulInteger 2; ConvInteger 2 kernel_shape pads; IsNaN 1`
  .split(";")
  .map((line) => line.trim().split(/\s+/))
  .map(([op, arity, ...attributes]) => ({ op: op!, arity: Number(arity), attributes }));
const DATATYPES = [
  "FP32",
  "FP32",
  "FP32",
  "INT64",
  "INT64",
  "INT32",
  "BOOL",
  "UINT8",
  "FP64",
  "FP16",
  "BYTES",
] as const;
/** Small: what is computed at load should not take the machine's memory. */
const VALUES = [-2, -1, 0, 1, 2, 3, 4];
/** Attributes have edges, too: nothing is made of their size. */
const EDGES = [...VALUES, 7, 64, -(2 ** 31), 2 ** 31 - 1, 2 ** 31, 2 ** 40];
const DIMENSIONS: readonly Dimension[] = [-1, "n", 1, 2, 3, 4];
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  auto_pad: ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"],
  mode: ["linear", "cubic", "nearest", "constant", "reflect", "edge", "wrap", "DCR", "CRD", "avg", "max"],
  equation: ["ij,jk->ik", "ii->i", "...i->i", "i,i->", "ij->ji", "ab...,b->a...", "i,j->", ","],
  direction: ["forward", "reverse", "bidirectional"],
  reduction: ["none", "add", "mul", "max"],
  coordinate_transformation_mode: ["half_pixel", "asymmetric", "align_corners", "tf_crop_and_resize"],
};
const LISTS = new Set("axes perm kernel_shape strides pads dilations output_shape".split(" "));
const FP32 = 1;

/**
 * The model that a number stands for: some operators, joined at random. Most are refused; what is not takes ONNX Runtime
 * through the inference of shapes, its optimizers, and the operators themselves where they are computed at load.
 */
export function randomGraph(seed: number): Buffer {
  const draw = new Draw(seededRandom(seed));
  const inputs = draw.times(2, (index) => draw.value(`x${index}`));
  const initializers = draw.times(4, (index) => draw.constant(`c${index}`));
  const known = [...inputs, ...initializers].map(({ name }) => name!);
  const nodes = draw.times(3, (index) => {
    const node = draw.node(index, known);
    known.push(...node.outputs);
    return node;
  });
  const last = nodes.at(-1)!.outputs[0]!;
  nodes.push({ op: "Cast", inputs: [last], outputs: ["y"], attributes: { to: { int: FP32 } } });
  return Buffer.from(model({ inputs, outputs: [{ name: "y", datatype: "FP32" }], nodes, initializers }));
}

class Draw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!;
  }

  /** One or more, `most` at most. */
  times<Value>(most: number, make: (index: number) => Value): Value[] {
    return Array.from({ length: 1 + this.below(most) }, (_, index) => make(index));
  }

  value(name: string): ValueSpec {
    const datatype: Datatype = this.pick(DATATYPES);
    return { name, datatype, shape: this.times(4, () => this.pick(DIMENSIONS)) };
  }

  constant(name?: string): TensorConstant {
    const datatype: Datatype = this.pick(DATATYPES);
    const dims = this.below(5) === 0 ? [] : this.times(3, () => this.below(5));
    const count = dims.reduce((product, size) => product * size, 1);
    // Now and then fewer or more than the dimensions say.
    const length = Math.max(0, count + (this.below(20) === 0 ? this.pick([-1, 1]) : 0));
    const numbers = Array.from({ length }, () => this.pick(VALUES));
    const unsigned = datatype === "BOOL" || datatype === "UINT8";
    const data =
      datatype === "BYTES" ? numbers.map(String) : numbers.map((value) => (unsigned ? Math.abs(value) & 1 : value));
    return { ...(name === undefined ? {} : { name }), datatype, dims, data };
  }

  node(index: number, known: readonly string[]): NodeSpec {
    const { op, arity, attributes } = this.pick(OPERATORS);
    // What is left out at the end is optional for some.
    const inputs = Array.from({ length: arity }, () => (this.below(30) === 0 ? "" : this.pick(known)));
    const given = attributes
      .filter(() => this.below(3) > 0)
      .map((name): [string, Attribute] => [name, this.#attribute(name)]);
    return { op, inputs, outputs: [`n${index}`], attributes: Object.fromEntries(given) };
  }

  #attribute(name: string): Attribute {
    const value = () => this.pick(this.below(8) === 0 ? EDGES : VALUES);
    if (LISTS.has(name)) return { ints: this.times(4, value) };
    if (TEXTS[name]) return { string: this.pick(TEXTS[name]) };
    return name === "value" ? { tensor: this.constant() } : { int: value() };
  }
}
