import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const NAMES = [
  "logistic-ids",
  "logistic-zipmap",
  "forest-names",
  "boosting-names",
  "neighbours-ids",
  "perceptron-names",
  "pipeline-names",
  "regression",
  "data-frame",
] as const;

/** A model that `sklearn_models.py` exports. */
export type SklearnModel = (typeof NAMES)[number];

/** The bytes of models that scikit-learn trained and skl2onnx exported just now. */
export function exportSklearnModels(): (name: SklearnModel) => Uint8Array {
  const python = path.join(process.env.FLOTILLA_VENV ?? ".venv", "bin", "python");
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-sklearn-"));
  try {
    const { status, stderr, error } = spawnSync(python, ["test/support/sklearn_models.py", folder], {
      encoding: "utf8",
    });
    if (error) throw new Error(`${python} can't be run (make venv): ${error.message}`);
    if (status !== 0) throw new Error(`sklearn_models.py ended with ${status}:\n${stderr}`);
    const read = (name: SklearnModel) => readFileSync(path.join(folder, `${name}.onnx`));
    const models = new Map(NAMES.map((name) => [name, read(name)]));
    return (name) => models.get(name)!;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
