import { encodeModel, type NodeSpec, type TensorConstant } from "../test/support/onnx-encoder.js";

/** Channels in, channels out, size of the kernel, stride: about 120 million products for a picture. */
const LAYERS = [
  [3, 32, 7, 4],
  [32, 64, 3, 2],
  [64, 64, 3, 1],
  [64, 64, 3, 1],
  [64, 128, 3, 2],
  [128, 256, 3, 2],
] as const;
const CLASSES = 1000;

/** A convolutional network as classifiers of pictures are, with made-up weights: FP32 [batch, 3, 224, 224] to [batch, 1000]. */
export function pictureModel(): Uint8Array {
  const nodes: NodeSpec[] = [];
  const initializers: TensorConstant[] = [];
  let last = "pixels";
  for (const [index, [from, to, size, stride]] of LAYERS.entries()) {
    initializers.push(weights(`w${index}`, [to, from, size, size]));
    const padding = (size - 1) >> 1;
    const attributes = {
      kernel_shape: { ints: [size, size] },
      strides: { ints: [stride, stride] },
      pads: { ints: [padding, padding, padding, padding] },
    };
    nodes.push({ op: "Conv", inputs: [last, `w${index}`], outputs: [`c${index}`], attributes });
    nodes.push({ op: "Relu", inputs: [`c${index}`], outputs: [`r${index}`] });
    last = `r${index}`;
  }
  const channels = LAYERS.at(-1)![1];
  initializers.push(weights("classes", [channels, CLASSES]));
  nodes.push({ op: "GlobalAveragePool", inputs: [last], outputs: ["pooled"] });
  nodes.push({ op: "Flatten", inputs: ["pooled"], outputs: ["features"] });
  nodes.push({ op: "MatMul", inputs: ["features", "classes"], outputs: ["logits"] });
  return encodeModel({
    inputs: [{ name: "pixels", datatype: "FP32", shape: ["batch", 3, 224, 224] }],
    outputs: [{ name: "logits", datatype: "FP32", shape: ["batch", CLASSES] }],
    nodes,
    initializers,
  });
}

function weights(name: string, dims: readonly number[]): TensorConstant {
  const count = dims.reduce((product, size) => product * size, 1);
  const scale = Math.sqrt(2 / (count / dims[0]!));
  return {
    name,
    datatype: "FP32",
    dims,
    data: Array.from({ length: count }, (_, index) => Math.sin(index * 12.9898) * scale),
  };
}
