import { ModelInferResponse } from "../../generated/ts/inference/grpc_service.js";
import { GrpcCalls } from "../grpc-calls.js";
import type { Kind, Request } from "../kinds.js";
import type { Calls } from "../round.js";
import { HttpCalls } from "./http-calls.js";

/** Connections that gRPC calls take in turn, as many callers have them: servers of several processes share them out. */
export const CONNECTIONS = 8;
/** No call of these models takes that long, but for a server that hangs. */
const SILENCE_MS = 30_000;

/** How a server is spoken to. */
export interface Wire {
  /** As the table has it. */
  readonly name: string;
  connect(address: string, kind: Kind, onAnswer?: (answer: Buffer) => void): Calls;
  /** The model's last output, out of an answer. */
  lastOutput(answer: Buffer): Float32Array;
}

/** Open Inference over gRPC, tensors as raw bytes: the same client and messages for all that speak it. */
export const openInference: Wire = {
  name: "OIP, gRPC",
  connect: (address, kind, onAnswer) => grpcCalls(address, kind.openInference, onAnswer),
  lastOutput: (answer) => {
    const { outputs, rawOutputContents } = ModelInferResponse.decode(answer);
    const raw = rawOutputContents.at(-1);
    return raw === undefined ? Float32Array.from(outputs.at(-1)!.contents!.fp32Contents) : floats(raw);
  },
};

/** HTTP/1.1 whose bodies are the tensors' bytes. */
export const bareBytes: Wire = {
  name: "bytes, HTTP",
  connect: (address, kind, onAnswer) => httpCalls(address, "application/octet-stream", kind.tensors, onAnswer),
  lastOutput: floats,
};

/** HTTP/1.1 with the tensors' bytes in JSON, for a server that takes nothing else. */
export const base64Json: Wire = {
  name: "base64 in JSON, HTTP",
  connect: (address, kind, onAnswer) => {
    const body = Buffer.from(JSON.stringify({ rows: [kind.tensors.toString("base64")] }));
    return httpCalls(address, "application/json", body, onAnswer);
  },
  lastOutput: (answer) => floats(Buffer.from(JSON.parse(answer.toString())[0], "base64")),
};

/** The contract's own method, which Flotilla alone has. */
export const typed: Omit<Wire, "lastOutput"> = {
  name: "typed, gRPC",
  connect: (address, kind, onAnswer) => grpcCalls(address, kind.typed, onAnswer),
};

function grpcCalls(address: string, { path, bytes }: Request, onAnswer?: (answer: Buffer) => void): Calls {
  return new GrpcCalls(address, {
    path,
    requests: [bytes],
    connections: CONNECTIONS,
    silenceMs: SILENCE_MS,
    onAnswer,
  });
}

function httpCalls(address: string, contentType: string, body: Buffer, onAnswer?: (answer: Buffer) => void): Calls {
  const url = `http://${address}/predict`;
  return new HttpCalls(url, { contentType, body, timeoutMs: SILENCE_MS, onAnswer });
}

/** All the whole floats at the end of some bytes. */
function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes.subarray(bytes.length % 4)).buffer);
}
