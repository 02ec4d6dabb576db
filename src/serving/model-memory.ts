const MIB = 2 ** 20;

/** What a worker thread takes without its model: Node's heap for it, and ONNX Runtime's own. Measured with the example fleet. */
export const WORKER_BYTES = 20 * MIB;
/**
 * What a loaded model takes of its file's size: the file's bytes, ONNX Runtime's copy, and what it lays out anew for its
 * kernels. Models of 1 to 86 MiB took 2.3 to 6 times; calls' own tensors come on top.
 */
export const MODEL_FACTOR = 2.5;
/** However small the model is. */
const LEAST_SESSION_BYTES = MIB;
/** Below this, what else a process allocates meanwhile says more of its growth than the model does. */
const LEAST_GROWTH_BYTES = 32 * MIB;

/** What is held of a model. */
export interface HeldModel {
  /** Bytes of its files. */
  readonly modelBytes: number;
  /** Worker threads, each with a session of its own. */
  readonly workers: number;
  /** Whether the server's own thread has a session, too. */
  readonly near: boolean;
}

/** Bytes of a session by the size of its model's files. */
export function sessionBytes(modelBytes: number): number {
  return Math.max(LEAST_SESSION_BYTES, MODEL_FACTOR * modelBytes);
}

/** Bytes that a model takes by the sizes of its files and the number of its workers. */
export function sizedBytes({ modelBytes, workers, near }: HeldModel): number {
  return workers * (WORKER_BYTES + sessionBytes(modelBytes)) + (near ? sessionBytes(modelBytes) : 0);
}

/** What a model takes, and what that was told by. */
export interface ModelMemory {
  readonly bytes: number;
  /** `growth`: the process grew so much while it was loaded; `size`: by its files' sizes. */
  readonly by: "growth" | "size";
}

/**
 * A large model takes what the process grew by while it was loaded, and no less than its size says, as memory of models
 * that were unloaded is used again; a small one takes what its size says.
 */
export function modelMemory(sized: number, growthBytes: number): ModelMemory {
  if (sized < LEAST_GROWTH_BYTES || growthBytes < sized) return { bytes: sized, by: "size" };
  return { bytes: growthBytes, by: "growth" };
}
