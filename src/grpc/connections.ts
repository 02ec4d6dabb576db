import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Server } from "@grpc/grpc-js";
import { Connection } from "./http2/connection.js";
import type { UnaryMethod, UnaryOptions } from "./http2/unary-stream.js";
import type { UnaryHandler } from "./unary-call.js";
import { listenersOf } from "./wire-settings.js";

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
type ConnectionListener = (this: Http2Server, wire: Duplex) => void;

/** What a socket says of the other side. Node's HTTP/2 asks it of the wire that it has in its place. */
interface Peer {
  _peername: { address: string | undefined; family: string | undefined; port: number | undefined };
}

/**
 * The connections of a grpc-js server. Plain calls of some unary methods are answered at once; all other calls, and those of
 * these methods that are out of the ordinary, stay with grpc-js, which is to have all methods.
 */
export class Connections {
  readonly #open = new Set<Connection>();
  readonly #methods: ReadonlyMap<string, UnaryMethod>;
  readonly #onFault: (error: unknown) => void;

  /**
   * To be made after `bindAsync`.
   * @param methods by their paths, `/acme.fraud.v1.FraudService/Predict`
   * @param options.onFault told of an error that is no caller's fault, and that ended a connection
   */
  constructor(
    server: Server,
    methods: ReadonlyMap<string, UnaryHandler>,
    { onFault, ...options }: UnaryOptions & { readonly onFault: (error: unknown) => void },
  ) {
    this.#onFault = onFault;
    this.#methods = new Map([...methods].map(([path, handler]) => [path, { handler, ...options }]));
    for (const listener of listenersOf(server)) {
      passOverEnded(listener);
      const [begin] = listener.listeners("connection") as ConnectionListener[];
      listener.removeAllListeners("connection");
      listener.on("connection", (socket: Socket) => this.#take(socket, listener, begin!));
    }
  }

  /** Ends all of them at once. */
  cut(): void {
    for (const connection of this.#open) connection.cut();
  }

  #take(socket: Socket, listener: Http2Server, begin: ConnectionListener): void {
    const connection: Connection = new Connection(socket, {
      methods: this.#methods,
      beginSession: (wire) => {
        listener.once("session", (session: ServerHttp2Session) => nameCaller(session, socket));
        begin.call(listener, wire);
      },
      onFault: (error) => this.#onFault(error),
      onClose: () => this.#open.delete(connection),
    });
    this.#open.add(connection);
  }
}

/** Keeps from grpc-js streams that ended as soon as they began: it would answer them, and Node throws at that. */
function passOverEnded(listener: Http2Server): void {
  const [take] = listener.listeners("stream") as StreamListener[];
  listener.removeAllListeners("stream");
  listener.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    if (stream.destroyed) stream.on("error", () => {});
    else take!(stream, headers);
  });
}

/** Has grpc-js find the address of the caller whom a session is for. */
function nameCaller(session: ServerHttp2Session, { remoteAddress, remoteFamily, remotePort }: Socket): void {
  const peer = session.socket as unknown as Peer;
  peer._peername = { address: remoteAddress, family: remoteFamily, port: remotePort };
}
