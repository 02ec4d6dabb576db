/** An .onnx file that can't be served. The message says what is wrong with it and what to do; it names no path. */
export class OnnxError extends Error {
  override readonly name = "OnnxError";
}

interface FileKind {
  readonly is: (bytes: Uint8Array) => boolean;
  readonly message: string;
}

/** What people take for an .onnx file by mistake, and what they should do instead. */
const KINDS: readonly FileKind[] = [
  { is: (bytes) => bytes.length === 0, message: "the file is empty" },
  {
    is: startsWith("version https://git-lfs"),
    message: "this is a Git LFS pointer, not the model itself; run `git lfs pull`",
  },
  {
    is: (bytes) => /^\s*(<!doctype|<html|<\?xml)/i.test(latin1(bytes.subarray(0, 64))),
    message: "this is an HTML or XML page, not a model; download the file itself",
  },
  {
    is: startsWith("PK\x03\x04"),
    message:
      "this is a ZIP archive (PyTorch and Keras save such files), not ONNX; export the model with torch.onnx.export or tf2onnx",
  },
  {
    is: startsWith("\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"),
    message: "this is a Python pickle, not ONNX; export the model with skl2onnx",
  },
  {
    is: startsWith("\x89HDF"),
    message: "this is an HDF5 file (Keras saves such files), not ONNX; export the model with tf2onnx",
  },
  { is: startsWith("\x1f\x8b"), message: "this is a gzip file, not ONNX; unpack it first" },
  {
    is: (bytes) => latin1(bytes.subarray(4, 8)) === "ORTM",
    message: "this is a model in ORT format; Flotilla serves the .onnx file that it was made from",
  },
  {
    is: (bytes) => latin1(bytes.subarray(4, 8)) === "TFL3",
    message: "this is a TensorFlow Lite model, not ONNX; convert it with tf2onnx",
  },
];

/** Why a file that did not read as ONNX isn't one, where its first bytes tell. */
export function explainForeignFile(bytes: Uint8Array): string | undefined {
  return KINDS.find((kind) => kind.is(bytes))?.message;
}

function startsWith(...prefixes: readonly string[]): (bytes: Uint8Array) => boolean {
  return (bytes) => prefixes.some((prefix) => latin1(bytes.subarray(0, prefix.length)) === prefix);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
