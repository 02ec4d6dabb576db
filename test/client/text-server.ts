import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
} from "@grpc/grpc-js";
import { type ListeningServer, listen } from "./listen.js";

const TEXT = {
  requestSerialize: (text: string): Buffer => Buffer.from(text),
  requestDeserialize: (bytes: Buffer): string => bytes.toString(),
  responseSerialize: (text: string): Buffer => Buffer.from(text),
  responseDeserialize: (bytes: Buffer): string => bytes.toString(),
};

/** A service with a method of each of the four kinds, in the form that ts-proto generates. Its messages are texts. */
export const TEXT_SERVICE = {
  unary: { path: "/test.text.v1.TextService/Unary", requestStream: false, responseStream: false, ...TEXT },
  take: { path: "/test.text.v1.TextService/Take", requestStream: true, responseStream: false, ...TEXT },
  give: { path: "/test.text.v1.TextService/Give", requestStream: false, responseStream: true, ...TEXT },
  talk: { path: "/test.text.v1.TextService/Talk", requestStream: true, responseStream: true, ...TEXT },
} as const;

/** What a test's server does with calls. */
export interface TextHandlers {
  readonly unary?: handleUnaryCall<string, string>;
  readonly take?: handleClientStreamingCall<string, string>;
  readonly give?: handleServerStreamingCall<string, string>;
  readonly talk?: handleBidiStreamingCall<string, string>;
}

/** Serves them on a free port. */
export async function startTextServer(handlers: TextHandlers): Promise<ListeningServer> {
  const server = new Server();
  server.addService(TEXT_SERVICE, { ...handlers });
  return listen(server);
}
