import type { handleUnaryCall } from "@grpc/grpc-js";
import { invalid } from "../../contract/fault.js";
import { toStatusObject } from "../status.js";

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
      callback(toStatusObject(error));
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
