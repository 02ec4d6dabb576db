import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { viewBytes } from "../../src/contract/datatype.js";
import { toBytes } from "../../src/contract/tensor.js";
import type { TransformTensor } from "../../src/contract/transform.js";
import type { TypedTensor } from "./onnx-run.js";

/** One run of a model. */
export interface ModelRun {
  /** Path relative to the repository, where tests are run. */
  readonly model: string;
  readonly inputs: Record<string, TypedTensor>;
}

type Encoded = Record<string, { readonly shape: readonly number[]; readonly base64: string }>;

const MOST_OUTPUT_BYTES = 512 * 1024 * 1024;

/**
 * Outputs of models by ONNX Runtime in Python, one for each run. All of the examples' outputs but class labels, which
 * are integers, are FP32.
 */
export function runInPython(runs: readonly ModelRun[]): Record<string, TransformTensor>[] {
  const said = runScript(
    "run_models.py",
    runs.map(({ model, inputs }) => ({ model, inputs: encode(inputs) })),
  );
  return (said as Encoded[]).map(decode);
}

/** What a script of test/models/python makes of a JSON input. @throws Error with what Python says */
export function runScript(name: string, input: unknown): unknown {
  const python = path.join(process.env.FLOTILLA_VENV ?? ".venv", "bin", "python");
  if (!existsSync(python)) throw new Error(`${python}: not there; run \`make venv\``);
  const { status, stdout, stderr, error } = spawnSync(python, [`test/models/python/${name}`], {
    input: JSON.stringify(input),
    maxBuffer: MOST_OUTPUT_BYTES,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${name} failed: ${error?.message ?? stderr}`);
  return JSON.parse(stdout);
}

function encode(inputs: Record<string, TypedTensor>): Record<string, unknown> {
  const entries = Object.entries(inputs).map(([name, { datatype, shape, data }]) => {
    return [
      name,
      { datatype, shape, base64: Buffer.from(toBytes(data as Float32Array<ArrayBuffer>)).toString("base64") },
    ];
  });
  return Object.fromEntries(entries);
}

function decode(outputs: Encoded): Record<string, TransformTensor> {
  const entries = Object.entries(outputs).map(([name, { shape, base64 }]) => {
    const bytes = new Uint8Array(Buffer.from(base64, "base64"));
    return [name, { shape, data: viewBytes(name === "label" ? "INT64" : "FP32", bytes) }];
  });
  return Object.fromEntries(entries);
}
