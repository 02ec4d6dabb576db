import type { handleUnaryCall, MethodDefinition } from "@grpc/grpc-js";
import { invalid } from "../../contract/fault.js";
import { toStatus } from "../status.js";

const SERVICE = "inference.GRPCInferenceService";

/** How a message of one type is written and read, as generated code has it. */
export interface MessageCodec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
}

/** The two messages of a method, and what turns one into the other. */
export interface UnaryMethod<Request, Response> {
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
  readonly answer: (request: Request) => Response | Promise<Response>;
  /** Told of whatever was thrown. */
  readonly onError: (error: unknown) => void;
}

/**
 * A method whose messages grpc-js leaves as they are: read by it, a broken one would end as INTERNAL, and the answer to
 * an inference is bytes already.
 */
export function rawMethod(name: string, streams = false): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/${SERVICE}/${name}`,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** The handler of a method that is not an inference. */
export function unaryHandler<Request, Response>(
  method: UnaryMethod<Request, Response>,
): handleUnaryCall<Buffer, Buffer> {
  return async (call, callback) => {
    try {
      const response = await method.answer(decode(method.request, call.request));
      callback(null, Buffer.from(method.response.encode(response).finish()));
    } catch (error) {
      method.onError(error);
      callback(toStatus(error));
    }
  };
}

function decode<Request>(codec: MessageCodec<Request>, bytes: Buffer): Request {
  try {
    return codec.decode(bytes);
  } catch (error) {
    throw invalid(`not valid protobuf: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
