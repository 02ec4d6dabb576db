import { readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { OnnxError, type OnnxModel, readOnnx } from "../contract/onnx.js";
import type { Signature } from "../contract/signature.js";
import { loadApart } from "../serving/load-apart.js";
import { Session } from "../serving/session.js";

/** A protobuf message is at most 2 GiB, and so is an .onnx file. */
const MAX_MODEL_BYTES = 2 ** 31;

/** A model that was read, checked, and loaded once. */
export interface CheckedModel {
  /** Absolute path, links followed. */
  readonly file: string;
  /** sha256 in hex. */
  readonly digest: string;
  /** What ONNX Runtime takes and gives. */
  readonly signature: Signature;
  readonly onnx: OnnxModel;
}

/**
 * Reads a model as a server would: its file, its signature, the files with its weights, and once into ONNX Runtime.
 * @throws Error with what is wrong with it and what to do
 */
export async function checkModel(file: string): Promise<CheckedModel> {
  const real = await findFile(file);
  const onnx = readSignature(file, await readFile(real));
  const found = { modelPath: real, modelRoot: path.dirname(real), sha256: undefined };
  const problem = (await loadApart([found])).get(real);
  if (problem) throw problem;
  const session = await Session.load(found, 1);
  try {
    checkShapes(file, onnx, session.signature);
    return { file: real, digest: session.digest, signature: session.signature, onnx };
  } finally {
    session.release();
  }
}

async function findFile(file: string): Promise<string> {
  try {
    const real = await realpath(file);
    const stats = await stat(real);
    if (stats.isDirectory()) throw new Error(`${file} is a folder; name the .onnx file in it`);
    if (!stats.isFile()) throw new Error(`${file} is no file`);
    if (stats.size >= MAX_MODEL_BYTES) {
      throw new Error(
        `${file} has ${stats.size} bytes, more than an .onnx file can have; save its weights as external data`,
      );
    }
    return real;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw new Error(`${file} does not exist`);
    if (code !== undefined) throw new Error(`${file} can't be read: ${(error as Error).message}`);
    throw error;
  }
}

function readSignature(file: string, bytes: Uint8Array): OnnxModel {
  try {
    return readOnnx(bytes);
  } catch (error) {
    if (error instanceof OnnxError) throw new Error(`${file}: ${error.message}`);
    throw error;
  }
}

/** ONNX Runtime gives a tensor of unknown dimensions the shape of a scalar: tell them apart by what the file says. */
function checkShapes(file: string, onnx: OnnxModel, signature: Signature): void {
  const unknown = signature.outputs.find((output) => output.shape.length === 0 && onnx.unranked.includes(output.name));
  if (!unknown) return;
  throw new Error(
    `${file}: output ${JSON.stringify(unknown.name)} has no shape, and ONNX Runtime can't tell it; export the model with a shape for it, free dimensions included`,
  );
}
