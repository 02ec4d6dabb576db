import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { ModelSettings } from "./served-model.js";
import type { ContractSource } from "./served-repository.js";

/** A version folder's name: a positive whole number, as Triton and OpenVINO Model Server have it. */
const VERSION = /^[1-9]\d{0,17}$/;

/** How models of a bare repository are served: there is no file that would say it. */
export interface BareSourceOptions {
  /** Threads that all models share out among themselves; each run has at least one. */
  readonly threads: number;
  readonly queueSize: number;
}

/**
 * The models of a folder in the layout `<name>/<version>/model.onnx`, with no other file needed. Calls that name no
 * version get the highest. Folders that hold no such file are passed over.
 * @throws Error where the folder can't be read, or holds no model
 */
export async function bareSources(root: string, options: BareSourceOptions): Promise<ContractSource[]> {
  const names = await readdir(root);
  const found: [string, string[]][] = [];
  for (const name of names.sort()) {
    const versions = await modelVersions(path.join(root, name));
    if (versions.length > 0) found.push([name, versions]);
  }
  const models = found.reduce((count, [, versions]) => count + versions.length, 0);
  // Every model has threads of its own: hundreds of models with a machine's worth each would be thousands.
  const shared = { ...options, threads: Math.max(1, Math.ceil(options.threads / models)) };
  const sources: ContractSource[] = [];
  for (const [name, versions] of found) {
    sources.push({
      name,
      contract: undefined,
      problem: undefined,
      models: versions.map((version) => modelSettings(root, name, version, shared)),
      defaultRevision: versions.at(-1)!,
      releases: new Map(),
    });
  }
  if (sources.length === 0)
    throw new Error(`${root}: no model found; expected ${path.join(root, "<name>", "<version>", "model.onnx")}`);
  return sources;
}

async function modelVersions(folder: string): Promise<string[]> {
  // What is no folder, or not ours to read (lost+found), holds no model of ours.
  const entries = await readdir(folder).catch(() => []);
  const versions = entries.filter((name) => VERSION.test(name));
  const present = await Promise.all(versions.map((version) => isFile(path.join(folder, version, "model.onnx"))));
  return versions.filter((_, index) => present[index]).sort((a, b) => Number(a) - Number(b));
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

function modelSettings(root: string, name: string, version: string, options: BareSourceOptions): ModelSettings {
  return {
    contract: name,
    revision: version,
    workers: 1,
    queueSize: options.queueSize,
    batching: { maxRows: 1, maxDelayMs: 0 },
    apartFirst: true,
    worker: {
      label: `${name}/${version}`,
      modelPath: path.join(root, name, version, "model.onnx"),
      modelRoot: root,
      sha256: undefined,
      threads: options.threads,
      signature: undefined,
      transform: undefined,
    },
  };
}
