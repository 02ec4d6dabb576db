import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { OnnxError, readOnnx } from "../contract/onnx.js";
import type { Finding } from "../fleet/findings.js";
import type { LoadedFleet } from "../fleet/load.js";
import { MODEL_FACTOR, WORKER_BYTES } from "../serving/model-memory.js";

const MIB = 2 ** 20;
/** A server that is warm, without its models: Node, gRPC, ONNX Runtime. Measured with the example fleet. */
const SERVER_BYTES = 120 * MIB;
/** What to write is this much more than the least, for the calls' own tensors, and a round figure. */
const ADVICE_FACTOR = 1.25;
const ADVICE_STEP_BYTES = 128 * MIB;

/**
 * Pods whose memory the server and its models would not fit into: they would be killed when they start.
 * @param options.open reads the models for their files of weights; without it only their own sizes count
 */
export function memoryFindings({ fleet, findingAt }: LoadedFleet, options: { readonly open: boolean }): Finding[] {
  return fleet.contracts.flatMap((contract, index) => {
    return contract.revisions.flatMap((revision) => {
      const modelBytes = sizeOf(revision.model, options.open);
      // A model that is not there is found elsewhere; a composition has none.
      if (modelBytes === undefined) return [];
      const least = leastMemory(modelBytes, revision.workers);
      const { memoryBytes } = revision.resources;
      if (memoryBytes >= least) return [];
      const at = ["spec", "contracts", index, "revisions", revision.name, "resources", "memory"];
      const message = `${mib(memoryBytes)} is too little for ${workersText(revision.workers)} with a model of ${size(modelBytes)}: a server takes ${mib(least)} before its first call`;
      return [findingAt(at, { message, fix: `write memory: ${mib(advice(least))}` })];
    });
  });
}

/** Bytes that a server takes at least, whatever is asked of it. Each worker has the model for itself. */
export function leastMemory(modelBytes: number, workers: number): number {
  return SERVER_BYTES + workers * (WORKER_BYTES + MODEL_FACTOR * modelBytes);
}

function advice(least: number): number {
  return Math.ceil((least * ADVICE_FACTOR) / ADVICE_STEP_BYTES) * ADVICE_STEP_BYTES;
}

/** Bytes of a model and, where it is opened, of the files that hold its weights. */
function sizeOf(model: string | undefined, open: boolean): number | undefined {
  if (model === undefined) return undefined;
  const own = statSync(model, { throwIfNoEntry: false })?.size;
  if (own === undefined || !open) return own;
  const weights = externalFiles(model).map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  return weights.reduce((sum, size) => sum + size, own);
}

function externalFiles(model: string): string[] {
  try {
    return readOnnx(readFileSync(model)).externalData.map((name) => path.resolve(path.dirname(model), name));
  } catch (error) {
    // What can't be read is found elsewhere.
    if (error instanceof OnnxError || (error as NodeJS.ErrnoException).code !== undefined) return [];
    throw error;
  }
}

function size(bytes: number): string {
  return bytes < MIB ? `${Math.ceil(bytes / 1024)}Ki` : mib(bytes);
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)}Mi`;
}

function workersText(workers: number): string {
  return workers === 1 ? "one worker" : `${workers} workers`;
}
