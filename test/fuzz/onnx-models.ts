import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";
import { addModel, classifierModel, scaleModel, stateModel } from "../support/onnx-builder.js";

/** Models that are in order, small ones: made for tests, and trained. */
export function onnxModels(): Buffer[] {
  const made = [
    scaleModel({ factor: 2 }),
    addModel(),
    stateModel(),
    classifierModel({ classes: ["a", "b"], columns: 3 }),
  ];
  const folder = path.join(ROOT, "models/tumor");
  const trained = readdirSync(folder).filter((file) => file.endsWith(".onnx"));
  return [...made.map((bytes) => Buffer.from(bytes)), ...trained.map((file) => readFileSync(path.join(folder, file)))];
}
