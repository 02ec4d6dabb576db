import { type handleBidiStreamingCall, type handleUnaryCall, Server } from "@grpc/grpc-js";
import {
  type PredictRequest,
  type PredictResponse,
  type PredictStreamRequest,
  type PredictStreamResponse,
  VoiceServiceService,
} from "../../generated/ts/acme/voice/v1/voice_service.js";
import { type ListeningServer, listen } from "./listen.js";

/** What a test's server does with calls. */
export interface VoiceHandlers {
  readonly predict?: handleUnaryCall<PredictRequest, PredictResponse>;
  readonly predictStream?: handleBidiStreamingCall<PredictStreamRequest, PredictStreamResponse>;
}

/** Serves acme.voice.v1 with a test's handlers on a free port. */
export async function startVoiceServer(handlers: VoiceHandlers): Promise<ListeningServer> {
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(VoiceServiceService, { ...handlers });
  return listen(server);
}
