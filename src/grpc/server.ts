import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { ServedRepository } from "../serving/served-repository.js";
import type { Log } from "../telemetry/log.js";
import type { Metrics } from "../telemetry/metrics.js";
import { callObserver } from "./call.js";
import { Health } from "./health.js";
import { OPEN_INFERENCE_SERVICE, openInferenceService } from "./open-inference/open-inference-service.js";
import { reflectionServices } from "./reflection.js";
import { typedService } from "./typed-service.js";

/** How a fleet is served over gRPC. */
export interface GrpcServerOptions {
  readonly repository: ServedRepository;
  /** Address to listen on. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** `FileDescriptorSet`s of the services that are no contract's: health, reflection, Open Inference Protocol. */
  readonly serviceImages: readonly Uint8Array[];
  readonly metrics: Metrics;
  readonly log: Log;
  /** Version of the server, for callers that ask. */
  readonly version: string;
  /** Largest message, both ways, in bytes. */
  readonly maxMessageBytes: number;
  /** Lets callers load and unload models. */
  readonly allowRepositoryControl: boolean;
}

/** Messages of one stream that may be unanswered. */
const MAX_STREAM_IN_FLIGHT = 16;

/** A server that listens. */
export class GrpcServer {
  readonly port: number;
  readonly health: Health;
  readonly #server: Server;
  readonly #draining: AbortController;

  private constructor(server: Server, port: number, health: Health, draining: AbortController) {
    this.#server = server;
    this.port = port;
    this.health = health;
    this.#draining = draining;
  }

  /**
   * Listens, with every service of the repository's contracts. Models may still be loading: calls get UNAVAILABLE and
   * health says NOT_SERVING until they are ready.
   * @throws Error where the port can't be had
   */
  static async start(options: GrpcServerOptions): Promise<GrpcServer> {
    const { repository, maxMessageBytes } = options;
    const server = new Server({
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
    });
    const draining = new AbortController();
    const health = new Health(repository, repository.contracts, [OPEN_INFERENCE_SERVICE]);
    health.addToServer(server);
    addServices(server, options, draining.signal);
    const port = await bind(server, `${options.host}:${options.port}`);
    return new GrpcServer(server, port, health, draining);
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
    this.health.endWatches();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const clean = await Promise.race([answered, late]);
    clearTimeout(timer);
    this.#server.forceShutdown();
    return clean;
  }
}

function addServices(server: Server, options: GrpcServerOptions, draining: AbortSignal): void {
  const { repository, maxMessageBytes, serviceImages } = options;
  const observe = callObserver(options.metrics, options.log);
  for (const contract of repository.contracts) {
    const service = typedService(contract, repository, {
      maxMessageBytes,
      maxStreamInFlight: MAX_STREAM_IN_FLIGHT,
      draining,
      observe,
    });
    server.addService(service.definition, service.implementation);
  }
  const { definition, implementation } = openInferenceService(repository, {
    version: options.version,
    allowRepositoryControl: options.allowRepositoryControl,
    maxMessageBytes,
    maxStreamInFlight: MAX_STREAM_IN_FLIGHT,
    draining,
    observe,
  });
  server.addService(definition, implementation);
  const images = [...repository.contracts.map((contract) => contract.image), ...serviceImages];
  for (const reflection of reflectionServices(images, { draining }))
    server.addService(reflection.definition, reflection.implementation);
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}
