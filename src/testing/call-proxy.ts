import type { DescMethod } from "@bufbuild/protobuf";
import {
  type ClientDuplexStream,
  type handleBidiStreamingCall,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import type { Channel } from "../client/call.js";
import { rawMethod } from "../grpc/raw-method.js";

/** Told of one call's messages on their way, as they lie on the wire. */
export interface CallTap {
  request(bytes: Buffer): void;
  response(bytes: Buffer): void;
  end(ended: StatusObject): void;
}

/** How calls are passed on. */
export interface ProxyOptions {
  /** Where they go. */
  readonly channel: Channel;
  /** Methods that are passed on; others are UNIMPLEMENTED. */
  readonly methods: readonly DescMethod[];
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Asked at each call; undefined: nobody listens in on this one. */
  readonly tap: (method: DescMethod) => CallTap | undefined;
}

/** What a Flotilla server takes and sends by default. */
const MAX_MESSAGE_BYTES = 64 * 2 ** 20;
/** Headers that belong to one connection, or that grpc-js writes itself. */
const OWN_HEADERS = /^(grpc-|te$|content-type$|user-agent$|host$|:)/;

/**
 * A gRPC server that passes every call on as it is: messages, headers and trailers, deadline and cancellation. Neither
 * side is read faster than the other takes.
 */
export class CallProxy {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** @throws Error where the port can't be had */
  static async start(options: ProxyOptions): Promise<CallProxy> {
    const server = new Server({
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    });
    for (const [service, methods] of byService(options.methods)) {
      const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
      const implementation: Record<string, handleBidiStreamingCall<Buffer, Buffer>> = {};
      for (const method of methods) {
        // On the wire the four kinds of calls are one.
        definition[method.name] = rawMethod(`/${service}/${method.name}`, true);
        implementation[method.name] = forward(method, options);
      }
      server.addService(definition, implementation);
    }
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${options.host}:${options.port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return new CallProxy(server, port);
  }

  /** Takes no new calls, and cuts open ones off after a while. */
  async close(timeoutMs: number): Promise<void> {
    const cutOff = setTimeout(() => this.#server.forceShutdown(), timeoutMs);
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    clearTimeout(cutOff);
  }
}

function byService(methods: readonly DescMethod[]): Map<string, DescMethod[]> {
  const services = new Map<string, DescMethod[]>();
  for (const method of methods) {
    const { typeName } = method.parent;
    services.set(typeName, [...(services.get(typeName) ?? []), method]);
  }
  return services;
}

type Upstream = ClientDuplexStream<Buffer, Buffer>;
type Downstream = ServerDuplexStream<Buffer, Buffer>;

function forward(method: DescMethod, { channel, tap }: ProxyOptions): handleBidiStreamingCall<Buffer, Buffer> {
  const { path, requestSerialize, responseDeserialize } = rawMethod(`/${method.parent.typeName}/${method.name}`);
  return (down: Downstream) => {
    const up: Upstream = channel.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      passedOn(down.metadata),
      { deadline: down.getDeadline() },
    );
    const seen = tap(method);
    up.on("metadata", (headers: Metadata) => down.sendMetadata(passedOn(headers)));
    down.on("cancelled", () => up.cancel());
    // Every error comes as a status too.
    up.on("error", () => {});
    down.on("error", () => up.cancel());
    pump(down, up, (bytes) => seen?.request(bytes));
    down.on("end", () => up.end());
    pump(up, down, (bytes) => seen?.response(bytes));
    whenOver(up, (ended) => {
      seen?.end(ended);
      finish(down, ended);
    });
  };
}

function pump(from: Upstream | Downstream, to: Upstream | Downstream, see: (bytes: Buffer) => void): void {
  from.on("data", (bytes: Buffer) => {
    see(bytes);
    if (!to.write(bytes)) from.pause();
  });
  to.on("drain", () => from.resume());
}

/** The status may come before the last messages have been read. */
function whenOver(up: Upstream, done: (ended: StatusObject) => void): void {
  let ended: StatusObject | undefined;
  let isRead = false;
  const settle = () => {
    if (ended && isRead) done(ended);
  };
  up.on("status", (object: StatusObject) => {
    ended = object;
    settle();
  });
  up.on("end", () => {
    isRead = true;
    settle();
  });
}

function finish(down: Downstream, { code, details, metadata }: StatusObject): void {
  const trailers = passedOn(metadata);
  if (code === status.OK) down.end(trailers);
  else down.emit("error", { code, details, metadata: trailers });
}

function passedOn(metadata: Metadata): Metadata {
  const passed = new Metadata();
  for (const name of Object.keys(metadata.getMap())) {
    if (OWN_HEADERS.test(name) && name !== "grpc-retry-pushback-ms") continue;
    for (const value of metadata.get(name)) passed.add(name, value);
  }
  return passed;
}
