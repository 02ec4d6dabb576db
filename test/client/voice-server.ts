import { type handleBidiStreamingCall, type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import {
  type PredictRequest,
  type PredictResponse,
  type PredictStreamRequest,
  type PredictStreamResponse,
  VoiceServiceService,
} from "../../generated/ts/acme/voice/v1/voice_service.js";

/** What a test's server does with calls. */
export interface VoiceHandlers {
  readonly predict?: handleUnaryCall<PredictRequest, PredictResponse>;
  readonly predictStream?: handleBidiStreamingCall<PredictStreamRequest, PredictStreamResponse>;
}

/** A grpc-js server of a test's own. */
export interface VoiceServer {
  /** `127.0.0.1:port`. */
  readonly target: string;
  close(): void;
}

/** Serves acme.voice.v1 with a test's handlers on a free port. */
export async function startVoiceServer(handlers: VoiceHandlers): Promise<VoiceServer> {
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(VoiceServiceService, { ...handlers });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { target: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

/** A promise and the function that settles it. */
export function gate<Value = void>(): { readonly opened: Promise<Value>; readonly open: (value: Value) => void } {
  let open: (value: Value) => void = () => {};
  const opened = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
