/** Files in the folder of a child that tries cases: the one that it is at, its number, and what the child itself found. */
export const CASE_FILES = { model: "model.onnx", seed: "seed", problem: "problem" } as const;
