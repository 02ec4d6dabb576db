import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import ort from "onnxruntime-node";
import { type Datatype, fromOrtType, type NumericData, type TensorData, toOrtType } from "../contract/datatype.js";
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

/** ONNX Runtime's severity from which it writes to stderr: fatal. Every error reaches us as an exception. */
const LOG_FATAL = 4;

/** A model loaded into ONNX Runtime, on the thread that made it. */
export class Session {
  readonly signature: Signature;
  /** sha256 of the file in hex. */
  readonly digest: string;
  /** Bytes of the file, and of the files that hold its weights. */
  readonly modelBytes: number;
  /** Whether how long a run takes hangs on the values that it is given, not on their number alone. */
  readonly hasSubgraphs: boolean;
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession, file: Pick<Session, "digest" | "modelBytes" | "hasSubgraphs">) {
    this.#session = session;
    this.digest = file.digest;
    this.modelBytes = file.modelBytes;
    this.hasSubgraphs = file.hasSubgraphs;
    this.signature = {
      inputs: session.inputMetadata.map(toSpec),
      outputs: session.outputMetadata.map(toSpec),
    };
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
      // Bytes that were checked are the bytes that are loaded; only external data is read by ONNX Runtime itself.
      const source = external ? file.modelPath : bytes;
      const session = await ort.InferenceSession.create(source as string, sessionOptions(threads));
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
   */
  async run(inputs: readonly Tensor[], outputs?: readonly string[]): Promise<Tensor[]> {
    const feeds: Record<string, ort.Tensor> = {};
    for (const tensor of inputs) feeds[tensor.name] = toOrt(tensor);
    const options = { logSeverityLevel: LOG_FATAL } as const;
    const results = outputs
      ? await this.#session.run(feeds, outputs, options)
      : await this.#session.run(feeds, options);
    return (outputs ?? this.#session.outputNames).map((name) => fromOrt(name, results[name]!));
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function sessionOptions(threads: number): ort.InferenceSession.SessionOptions {
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

async function readModel({ modelPath, modelRoot, sha256 }: ModelFile): Promise<Uint8Array> {
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

function toSpec(metadata: ort.InferenceSession.ValueMetadata): TensorSpec {
  const datatype = metadata.isTensor ? fromOrtType(metadata.type) : undefined;
  if (metadata.name === "__proto__") throw new ModelError('a tensor named "__proto__" can\'t be served; rename it');
  if (!metadata.isTensor || datatype === undefined) {
    throw new ModelError(
      `"${metadata.name}" is ${metadata.isTensor ? metadata.type : "no tensor"}, which can't be served`,
    );
  }
  const shape = metadata.shape.map((dimension) => (typeof dimension === "number" && dimension >= 0 ? dimension : -1));
  return { name: metadata.name, datatype, shape };
}

/** Newer Node versions have a Float16Array, and ONNX Runtime then insists on it. */
interface Float16Global {
  Float16Array?: new (buffer: ArrayBuffer, byteOffset: number, length: number) => NumericData;
}
const { Float16Array } = globalThis as Float16Global;

function toOrt({ datatype, shape, data }: Tensor): ort.Tensor {
  const held = datatype === "FP16" && Float16Array ? toFloat16(data as Uint16Array<ArrayBuffer>, Float16Array) : data;
  return new ort.Tensor(toOrtType(datatype) as "float32", held as Float32Array, shape);
}

function toFloat16(data: Uint16Array<ArrayBuffer>, Float16: NonNullable<typeof Float16Array>): NumericData {
  return new Float16(data.buffer, data.byteOffset, data.length);
}

function fromOrt(name: string, tensor: ort.Tensor): Tensor {
  const datatype = fromOrtType(tensor.type) as Datatype;
  return { name, datatype, shape: tensor.dims, data: ownData(datatype, tensor.data as unknown as TensorData) };
}

function ownData(datatype: Datatype, data: TensorData): TensorData {
  if (Array.isArray(data)) return data;
  const owned = (ownsBuffer(data) ? data : data.slice()) as NumericData;
  return datatype === "FP16" ? new Uint16Array(owned.buffer) : owned;
}
