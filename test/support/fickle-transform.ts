import { type Transform, TransformError, type TransformTensor } from "../../src/contract/transform.js";

/** What the tests' fickle contract takes: a value to scale, and how to misbehave. */
export interface FickleRequest {
  value: number;
  /**
   * "" scales, "refuse" is a fault of the request, "throw" and "wrong" are faults of the transform, "hang" and "hang late"
   * never settle, before the run and after it, "slow" settles after half a second, "die" ends the thread.
   */
  mood: string;
}

// Left open on purpose: a thread has to end all the same.
setInterval(() => {}, 1000);

/** A transform around `scaleModel` of shape [batch, 1] that does what its request says. */
const transform: Transform<FickleRequest, { value: number }> = {
  signature: {
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 1] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, 1] }],
  },
  example: { value: 1, mood: "" },
  toTensors({ value, mood }): Record<string, TransformTensor> | Promise<Record<string, TransformTensor>> {
    if (mood === "hang") return new Promise(() => {});
    if (mood === "refuse") throw new TransformError(`field "value": expected a nicer number than ${value}`);
    if (mood === "throw") throw new Error("secret detail");
    if (mood === "wrong") return { x: { shape: [2, 1], data: new Float32Array([value]) } };
    if (mood === "die") process.exit(3);
    const tensors = { x: { shape: [1, 1], data: new Float32Array([value]) } };
    return mood === "slow" ? new Promise((resolve) => setTimeout(resolve, 500, tensors)) : tensors;
  },
  toResponse(outputs, { mood }): { value: number } | Promise<{ value: number }> {
    if (mood === "hang late") return new Promise(() => {});
    return { value: Number(outputs.y!.data[0]) };
  },
};

export default transform;
