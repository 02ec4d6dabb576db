import { createHash } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { NumericData } from "../../src/contract/datatype.js";
import type { Tensor } from "../../src/contract/tensor.js";
import type { Outcome, Work } from "../../src/serving/inference.js";
import type { WorkerSettings } from "../../src/serving/messages.js";
import { type ModelSettings, ServedModel } from "../../src/serving/served-model.js";
import type { ContractSource } from "../../src/serving/served-repository.js";
import type { ModelObserver } from "../../src/serving/started-model.js";

/** Takes no note of anything. */
export const SILENT_OBSERVER: ModelObserver = {
  onState() {},
  onWarning() {},
  onGone() {},
  onCrash() {},
  onSubmit() {},
  onCall() {},
  onRun() {},
  onLoad() {},
  onUnload() {},
};

/** What a test changes of a model's settings. */
export interface ServeOverrides {
  readonly settings?: Partial<Omit<ModelSettings, "worker">>;
  readonly worker?: Partial<WorkerSettings>;
  readonly observer?: Partial<ModelObserver>;
}

/** Writes a model into a folder of its own; returns its path. */
export function writeModel(bytes: Uint8Array, name = "model.onnx"): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "flotilla-model-")), name);
  writeFileSync(file, bytes);
  return file;
}

/** A contract of one revision, r1, whose model may be any. @param options.transform path of its module */
export function sourceOf(
  name: string,
  file: string,
  { queueSize = 64, transform }: { readonly queueSize?: number; readonly transform?: string | undefined } = {},
): ContractSource {
  const settings: ModelSettings = {
    contract: name,
    revision: "r1",
    workers: 1,
    queueSize,
    batching: { maxRows: 1, maxDelayMs: 0 },
    worker: {
      label: `${name}/r1`,
      modelPath: file,
      modelRoot: path.dirname(file),
      sha256: undefined,
      threads: 1,
      signature: undefined,
      transform:
        transform === undefined
          ? undefined
          : { path: transform, image: new Uint8Array(), requestType: "", responseType: "", stepLimitMs: 300 },
    },
  };
  return {
    name,
    contract: undefined,
    problem: undefined,
    defaultRevision: "r1",
    models: [settings],
    releases: new Map(),
  };
}

/** A real model on a real worker, and a note of what its observer was told. */
export async function serveModel(bytes: Uint8Array, overrides: ServeOverrides = {}): Promise<ServedModel> {
  const modelPath = writeModel(bytes);
  const batching = overrides.settings?.batching ?? { maxRows: 1, maxDelayMs: 0 };
  const served = new ServedModel(
    {
      contract: "test.model.v1",
      revision: "r1",
      workers: 1,
      queueSize: 128,
      ...overrides.settings,
      batching,
      worker: {
        label: "test.model.v1/r1",
        modelPath,
        modelRoot: path.dirname(modelPath),
        sha256: createHash("sha256").update(bytes).digest("hex"),
        threads: 1,
        signature: undefined,
        transform: undefined,
        ...overrides.worker,
      },
    },
    { ...SILENT_OBSERVER, ...overrides.observer },
  );
  await served.settled();
  return served;
}

/** An FP32 tensor. */
export function fp32(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  return { name, datatype: "FP32", shape, data: new Float32Array(values) };
}

/** Submits work and waits for its outcome. */
export function submit(
  model: ServedModel,
  work: Work,
  deadlineMs = Number.POSITIVE_INFINITY,
): Promise<Outcome> & { cancel: () => void } {
  let cancel = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    cancel = model.submit(work, deadlineMs, resolve);
  });
  return Object.assign(outcome, { cancel });
}

/** Work for a `slowModel`: as many iterations as asked, one row for each value. */
export function slowWork(iterations: number, ...values: number[]): Work {
  const rows = values.length;
  return {
    kind: "tensors",
    inputs: [
      {
        name: "iterations",
        datatype: "INT64",
        shape: [rows, 1],
        data: new BigInt64Array(rows).fill(BigInt(iterations)),
      },
      fp32("x", [rows, 1], values),
    ],
  };
}

/** The values of an outcome's only output; fails where it is a fault. */
export function values(outcome: Outcome): number[] {
  if (!outcome.ok) throw outcome.fault;
  if (outcome.kind !== "tensors") throw new Error("a message came");
  return [...(outcome.outputs[0]!.data as Exclude<NumericData, BigInt64Array | BigUint64Array>)];
}

/** The reason of an outcome's fault; fails where there is none. */
export function reason(outcome: Outcome): string {
  if (outcome.ok) throw new Error("expected a fault, got an answer");
  return outcome.fault.reason;
}
