import { Server, type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { type ReflectionOptions, reflectionServices } from "../../src/grpc/reflection.js";
import { type ListeningServer, listen } from "../client/listen.js";
import { compileProto } from "../support/contract-fixture.js";

/** A contract with all that reflection clients stumble over: custom options, well-known types, maps, nesting, extensions. */
export const ECHO_PROTO = `
  syntax = "proto2";
  package test.echo.v1;
  import "flotilla/v1/options.proto";
  import "google/protobuf/timestamp.proto";
  import "google/protobuf/any.proto";

  service EchoService {
    option (flotilla.v1.state) = {input: "h", output: "hn", shape: [2, 64], datatype: DATATYPE_FP32};
    rpc Echo(EchoMessage) returns (EchoMessage);
    rpc EchoStream(stream EchoMessage) returns (stream EchoMessage);
  }
  message EchoMessage {
    optional google.protobuf.Timestamp at = 1;
    map<string, int64> counts = 2;
    map<int32, Inner> inners = 3;
    repeated float values = 4 [packed = true, (flotilla.v1.tensor) = {name: "x", shape: [-1, 3]}];
    oneof choice { string text = 5; bytes blob = 6; }
    optional Mood mood = 7;
    optional google.protobuf.Any any = 8;
    optional double exact = 9;
    message Inner {
      optional string name = 1;
      enum Level { LEVEL_UNSPECIFIED = 0; LEVEL_HIGH = 1; }
      optional Level level = 2;
    }
    extensions 100 to 199;
    extend EchoMessage { optional string nested_note = 101; }
  }
  message Lonely {}
  enum Mood { MOOD_UNSPECIFIED = 0; MOOD_GOOD = 1 [(flotilla.v1.class) = {id: 7}]; }
  extend EchoMessage { optional string note = 100; }`;

let image: Uint8Array | undefined;

/** The compiled contract. */
export function echoImage(): Uint8Array {
  image ??= compileProto("test.echo.v1", ECHO_PROTO);
  return image;
}

/** Starts a grpc-js server that gives back what it gets, and reflects on itself. */
export async function startEchoServer(
  images: readonly Uint8Array[] = [echoImage()],
  options: ReflectionOptions = {},
): Promise<ListeningServer> {
  const server = new Server();
  for (const { definition, implementation } of reflectionServices(images, options)) {
    server.addService(definition, implementation);
  }
  const bytes = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService(
    {
      echo: { path: "/test.echo.v1.EchoService/Echo", requestStream: false, responseStream: false, ...bytes },
      echoStream: { path: "/test.echo.v1.EchoService/EchoStream", requestStream: true, responseStream: true, ...bytes },
    },
    {
      echo: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => done(null, call.request),
      echoStream: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on("data", (message: Buffer) => call.write(message));
        call.on("end", () => call.end());
      },
    },
  );
  return listen(server);
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
