import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { type Binding, binding, initOrt } from "onnxruntime-node/dist/binding.js";
import {
  type Datatype,
  fromOnnxDatatype,
  fromOrtType,
  type NumericData,
  type TensorData,
  toOrtType,
} from "../contract/datatype.js";
import { OnnxError, type OnnxModel, readOnnx } from "../contract/onnx.js";
import type { Signature, TensorSpec } from "../contract/signature.js";
import { ownsBuffer, type Tensor } from "../contract/tensor.js";
import { ModelError } from "./model-error.js";

/** Where a model's file is and what it has to be. */
export interface ModelFile {
  readonly modelPath: string;
  /** Folder that the file, links followed, has to lie in. */
  readonly modelRoot: string;
  /** Hex digest, or undefined: whatever it has. */
  readonly sha256: string | undefined;
}

/** What ONNX Runtime reads of a tensor that it is given, and has in one that it gives. */
interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  readonly location: "cpu";
}

/** The session as it is: a run's options may be left out, and it then has the severity of the session's. */
interface NativeSession extends Omit<Binding.InferenceSession, "run"> {
  run(feeds: Record<string, OrtTensor>, fetches: Record<string, null>): Record<string, OrtTensor>;
}

/** ONNX Runtime's severity from which it writes to stderr: fatal. Every error reaches us as an exception. */
const LOG_FATAL = 4;

/**
 * A model loaded into ONNX Runtime, on the thread that made it.
 *
 * It is loaded and run through what ONNX Runtime for Node is made of: the package's own session lets each run wait for an
 * immediate and three promises, though the run then keeps the thread all the same. Of a small model's run they are two
 * fifths, and several that are due can't be made one after another, while the processor's caches have what they need.
 */
export class Session {
  readonly signature: Signature;
  /** sha256 of the file in hex. */
  readonly digest: string;
  /** Bytes of the file, and of the files that hold its weights. */
  readonly modelBytes: number;
  /** Whether how long a run takes hangs on the values that it is given, not on their number alone. */
  readonly hasSubgraphs: boolean;
  readonly #session: NativeSession;
  readonly #outputs: readonly string[];

  private constructor(session: NativeSession, file: Pick<Session, "digest" | "modelBytes" | "hasSubgraphs">) {
    this.#session = session;
    this.digest = file.digest;
    this.modelBytes = file.modelBytes;
    this.hasSubgraphs = file.hasSubgraphs;
    this.signature = {
      inputs: session.inputMetadata.map(toSpec),
      outputs: session.outputMetadata.map(toSpec),
    };
    this.#outputs = this.signature.outputs.map(({ name }) => name);
  }

  /**
   * Reads, checks and loads a model.
   * @param threads threads that one run uses
   * @throws ModelError
   */
  static async load(file: ModelFile, threads: number): Promise<Session> {
    const bytes = await readModel(file);
    const digest = createHash("sha256").update(bytes).digest("hex");
    if (file.sha256 !== undefined && digest !== file.sha256.toLowerCase()) {
      throw new ModelError(
        `${file.modelPath}: its sha256 is ${digest}, expected ${file.sha256}; it is another model, or a damaged copy`,
      );
    }
    const { external, externalBytes, hasSubgraphs } = await checkModel(file.modelPath, bytes);
    try {
      initOrt();
      const session = new (binding.InferenceSession as unknown as new () => NativeSession)();
      // Bytes that were checked are the bytes that are loaded; only external data is read by ONNX Runtime itself.
      if (external) session.loadModel(file.modelPath, sessionOptions(threads));
      else session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, sessionOptions(threads));
      return new Session(session, { digest, modelBytes: bytes.length + externalBytes, hasSubgraphs });
    } catch (error) {
      if (error instanceof ModelError) throw error;
      throw new ModelError(`${file.modelPath}: ONNX Runtime can't load it: ${(error as Error).message}`);
    }
  }

  /**
   * Runs the model; the thread does nothing else meanwhile.
   * @param outputs names wanted; all by default
   * @returns outputs whose buffers are theirs alone
   * @throws Error where the model fails on these inputs
   */
  run(inputs: readonly Tensor[], outputs = this.#outputs): Tensor[] {
    const feeds: Record<string, OrtTensor> = {};
    for (const tensor of inputs) feeds[tensor.name] = toOrt(tensor);
    const fetches: Record<string, null> = {};
    for (const name of outputs) fetches[name] = null;
    const results = this.#session.run(feeds, fetches);
    return outputs.map((name) => fromOrt(name, results[name]!));
  }

  release(): void {
    this.#session.dispose();
  }
}

function sessionOptions(threads: number): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: LOG_FATAL,
    // A thread that spins while it waits takes its processor from the server and from other models.
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  };
}

async function readModel({ modelPath, modelRoot, sha256 }: ModelFile): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const real = await realpath(modelPath);
    const root = await realpath(modelRoot);
    // Package managers keep a project's packages elsewhere and link to them; what is read has to have its digest.
    const linked = sha256 !== undefined && path.relative(modelRoot, modelPath).split(path.sep).includes("node_modules");
    if (!linked && !isInside(root, real)) throw new ModelError(`${modelPath} leads to ${real}, outside of ${root}`);
    return await readFile(real);
  } catch (error) {
    if (error instanceof ModelError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ModelError(code === "ENOENT" ? `${modelPath} does not exist` : `${modelPath} can't be read: ${message}`);
  }
}

/** What a look at a model's file tells. */
interface CheckedModel {
  /** Whether the model keeps weights in other files, all of them beside it; and how large those are. */
  readonly external: boolean;
  readonly externalBytes: number;
  readonly hasSubgraphs: boolean;
}

async function checkModel(modelPath: string, bytes: Uint8Array): Promise<CheckedModel> {
  const folder = path.dirname(await realpath(modelPath));
  let model: OnnxModel;
  try {
    model = readOnnx(bytes);
  } catch (error) {
    if (error instanceof OnnxError) throw new ModelError(`${modelPath}: ${error.message}`);
    throw error;
  }
  const { externalData, hasSubgraphs } = model;
  let externalBytes = 0;
  for (const location of externalData) {
    const real = await realpath(path.resolve(folder, location)).catch(() => undefined);
    if (real !== undefined && isInside(folder, real)) {
      externalBytes += (await stat(real)).size;
      continue;
    }
    const why = real === undefined ? "does not exist" : "lies outside of the model's folder";
    throw new ModelError(`${modelPath}: its external data "${location}" ${why}`);
  }
  return { external: externalData.length > 0, externalBytes, hasSubgraphs };
}

function isInside(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== "" && !relative.startsWith("..") && !path.isAbsolute(relative);
}

function toSpec(metadata: Binding.ValueMetadata): TensorSpec {
  const datatype = metadata.isTensor ? fromOnnxDatatype(metadata.type) : undefined;
  if (metadata.name === "__proto__") throw new ModelError('a tensor named "__proto__" can\'t be served; rename it');
  if (!metadata.isTensor || datatype === undefined) {
    throw new ModelError(
      `"${metadata.name}" is ${metadata.isTensor ? `of ONNX's datatype ${metadata.type}` : "no tensor"}, which can't be served`,
    );
  }
  return { name: metadata.name, datatype, shape: metadata.shape };
}

/** Newer Node versions have a Float16Array, and ONNX Runtime then insists on it. */
interface Float16Global {
  Float16Array?: new (buffer: ArrayBuffer, byteOffset: number, length: number) => NumericData;
}
const { Float16Array } = globalThis as Float16Global;

function toOrt({ datatype, shape, data }: Tensor): OrtTensor {
  const held = datatype === "FP16" && Float16Array ? toFloat16(data as Uint16Array<ArrayBuffer>, Float16Array) : data;
  return { type: toOrtType(datatype), dims: shape, data: held, location: "cpu" };
}

function toFloat16(data: Uint16Array<ArrayBuffer>, Float16: NonNullable<typeof Float16Array>): NumericData {
  return new Float16(data.buffer, data.byteOffset, data.length);
}

function fromOrt(name: string, { type, dims, data }: OrtTensor): Tensor {
  const datatype = fromOrtType(type) as Datatype;
  return { name, datatype, shape: dims, data: ownData(datatype, data as TensorData) };
}

function ownData(datatype: Datatype, data: TensorData): TensorData {
  if (Array.isArray(data)) return data;
  const owned = (ownsBuffer(data) ? data : data.slice()) as NumericData;
  return datatype === "FP16" ? new Uint16Array(owned.buffer) : owned;
}
