import { setMaxListeners } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import type { ServedRepository } from "../serving/served-repository.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";
import { callObserver, streamObserver } from "./call.js";
import { Connections } from "./connections.js";
import { Health, type HealthOfAll } from "./health.js";
import { collectYoungAlone, makeObjectsYoung } from "./heap-settings.js";
import { readMessagesInPlace } from "./message-reader.js";
import { OpenCalls } from "./open-calls.js";
import { OPEN_INFERENCE_SERVICE, openInferenceService } from "./open-inference/open-inference-service.js";
import { reflectionServices } from "./reflection.js";
import { type Service, typedService } from "./typed-service.js";
import type { UnaryHandler } from "./unary-call.js";
import { type ConnectionLimits, connectionOptions, widenConnections, widenStreams } from "./wire-settings.js";

/** How a fleet is served over gRPC. */
export interface GrpcServerOptions {
  readonly repository: ServedRepository;
  /** Where it listens, on port 0 at any free one; undefined: it takes the connections that `accept` is given. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  /** `FileDescriptorSet`s of the services that are no contract's: health, reflection, Open Inference Protocol. */
  readonly serviceImages: readonly Uint8Array[];
  readonly metrics: Metrics;
  readonly log: Log;
  /** Version of the server, for callers that ask. */
  readonly version: string;
  /** Largest message, both ways, in bytes. */
  readonly maxMessageBytes: number;
  readonly connections: ConnectionLimits;
  /** Of several servers behind one port. */
  readonly healthOfAll?: HealthOfAll | undefined;
  /** Lets callers load and unload models. */
  readonly allowRepositoryControl: boolean;
}

/** How long the last answers may take to leave once they are given; connections that are in use end by themselves. */
const FLUSH_MS = 1_000;
/** Messages of one stream that may be unanswered. */
const MAX_STREAM_IN_FLIGHT = 16;

/** A server that takes calls. */
export class GrpcServer {
  /** Where it listens; 0 where it does not. */
  readonly port: number;
  readonly health: Health;
  readonly #server: Server;
  readonly #draining: AbortController;
  readonly #openCalls: OpenCalls;
  readonly #connections: Connections;
  readonly #inject: Door["inject"];
  readonly #accepted = new Set<Socket>();

  private constructor(parts: {
    server: Server;
    connections: Connections;
    door: Door;
    health: Health;
    draining: AbortController;
    openCalls: OpenCalls;
  }) {
    this.#server = parts.server;
    this.port = parts.door.port;
    this.#inject = parts.door.inject;
    this.health = parts.health;
    this.#draining = parts.draining;
    this.#openCalls = parts.openCalls;
    this.#connections = parts.connections;
  }

  /**
   * Takes calls, with every service of the repository's contracts. Models may still be loading: calls get UNAVAILABLE and
   * health says NOT_SERVING until they are ready.
   * @throws Error where the port can't be had
   */
  static async start(options: GrpcServerOptions): Promise<GrpcServer> {
    const { repository, maxMessageBytes } = options;
    // What it would print itself, it also throws or reports.
    setLogVerbosity(logVerbosity.NONE);
    const server = new Server({
      ...connectionOptions(options.connections),
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
    });
    makeObjectsYoung();
    collectYoungAlone();
    readMessagesInPlace();
    widenStreams(server);
    const draining = new AbortController();
    // Every open stream listens.
    setMaxListeners(0, draining.signal);
    const health = new Health(repository, repository.contracts, {
      others: [OPEN_INFERENCE_SERVICE],
      all: options.healthOfAll,
    });
    health.addToServer(server);
    const openCalls = new OpenCalls();
    const unary = addServices(server, options, { openCalls, draining: draining.signal });
    const door = await openDoor(server, options.address);
    widenConnections(server);
    const connections = new Connections(server, unary, {
      maxMessageBytes,
      openCalls,
      onFault: (error) => {
        const text = (error as Error)?.stack ?? String(error);
        options.log.error({ error: text }, "a connection failed for no fault of its caller");
      },
    });
    return new GrpcServer({ server, connections, door, health, draining, openCalls });
  }

  /** Takes a connection that came elsewhere, of which nothing has been read; for a server without an address. */
  accept(socket: Socket): void {
    if (!this.#inject || this.#draining.signal.aborted) {
      socket.destroy();
      return;
    }
    this.#accepted.add(socket);
    socket.once("close", () => this.#accepted.delete(socket));
    this.#inject(socket);
  }

  /**
   * Ends well: health turns NOT_SERVING, no new connection is taken, open calls are answered, streams end with
   * UNAVAILABLE once what they sent is answered.
   * @param timeoutMs after it, open calls are cut off
   * @returns whether every open call was answered
   */
  async drain(timeoutMs: number): Promise<boolean> {
    this.health.drain();
    this.#draining.abort();
    const answered = new Promise<boolean>((resolve) => {
      this.#server.tryShutdown((error) => resolve(error === undefined));
    });
    // grpc-js waits for those that came to its own port.
    const closed = [...this.#accepted].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    this.health.endWatches();
    const idle = this.#openCalls.idle().then(() => delay(FLUSH_MS, true, { ref: false }));
    const clean = await Promise.race([
      Promise.all(closed).then(() => answered),
      idle,
      delay(timeoutMs, false, { ref: false }),
    ]);
    this.#server.forceShutdown();
    this.#connections.cut();
    return clean;
  }
}

interface Draining {
  readonly openCalls: OpenCalls;
  /** Aborted once the server drains. */
  readonly draining: AbortSignal;
}

/** @returns the unary methods that many calls are expected of */
function addServices(
  server: Server,
  options: GrpcServerOptions,
  { openCalls, draining }: Draining,
): Map<string, UnaryHandler> {
  const { repository, maxMessageBytes, serviceImages } = options;
  const observe = callObserver(options.metrics, options.log);
  const onStream = streamObserver(options.metrics);
  const unary = new Map<string, UnaryHandler>();
  const add = (service: Service): void => {
    server.addService(service.definition, openCalls.count(service.implementation));
    for (const [path, handler] of service.unaryHandlers) unary.set(path, handler);
  };
  for (const contract of repository.contracts) {
    const service = typedService(contract, repository, {
      maxMessageBytes,
      maxStreamInFlight: MAX_STREAM_IN_FLIGHT,
      streams: repository.streamsOf(contract.name),
      draining,
      observe,
      onStream,
    });
    add(service);
  }
  const openInference = openInferenceService(repository, {
    version: options.version,
    allowRepositoryControl: options.allowRepositoryControl,
    maxMessageBytes,
    maxStreamInFlight: MAX_STREAM_IN_FLIGHT,
    draining,
    observe,
  });
  add(openInference);
  const images = [...repository.contracts.map((contract) => contract.image), ...serviceImages];
  for (const reflection of reflectionServices(images, { draining }))
    server.addService(reflection.definition, reflection.implementation);
  return unary;
}

/** How connections come to a server. */
interface Door {
  /** 0 where none is listened at. */
  readonly port: number;
  /** Undefined where it listens. */
  readonly inject: ((socket: Socket) => void) | undefined;
}

async function openDoor(server: Server, address: GrpcServerOptions["address"]): Promise<Door> {
  const credentials = ServerCredentials.createInsecure();
  if (!address) {
    const injector = server.createConnectionInjector(credentials);
    return { port: 0, inject: (socket) => injector.injectConnection(socket) };
  }
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, credentials, (error, bound) =>
      error ? reject(error) : resolve({ port: bound, inject: undefined }),
    );
  });
}
