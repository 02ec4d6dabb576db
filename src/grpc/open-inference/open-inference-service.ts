import type { MethodDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import * as wire from "../../../generated/ts/inference/grpc_service.js";
import { Fault } from "../../contract/fault.js";
import type { Repository } from "../../serving/inference.js";
import { DEFAULT_STREAMS, type StreamSettings } from "../../serving/stream-settings.js";
import type { CallObserver } from "../call.js";
import { rawMethod } from "../raw-method.js";
import type { Service } from "../typed-service.js";
import { grpcHandler, type UnaryHandler } from "../unary-call.js";
import { inferHandler, inferStreamHandler } from "./infer-handlers.js";
import { type ModelQuery, modelConfig, modelMetadata } from "./model-metadata.js";
import { loadModel, repositoryIndex, unloadModel } from "./model-repository.js";
import { modelStatistics } from "./model-statistics.js";
import { findModel } from "./models.js";
import { type MessageCodec, unaryHandler } from "./rpc-method.js";

/** How the Open Inference Protocol is served. */
export interface OpenInferenceOptions {
  /** Version of the server, as `ServerMetadata` gives it. */
  readonly version: string;
  /** Lets callers load and unload models. @default false */
  readonly allowRepositoryControl?: boolean;
  /** Largest answer in bytes. @default Infinity: the server's own limit refuses it, without naming the model */
  readonly maxMessageBytes?: number;
  /** Requests of one stream that may be unanswered; reading stops there until one is answered. @default 16 */
  readonly maxStreamInFlight?: number;
  /** @default what a fleet file has that does not say */
  readonly streams?: StreamSettings;
  /** Once aborted, streams answer what they have read and end with UNAVAILABLE. */
  readonly draining?: AbortSignal;
  /** Told of every inference that was answered, in streams too, and of any other call that failed for a fault of ours. */
  readonly observe?: CallObserver;
}

/** Extensions of the protocol that are served. @see https://github.com/triton-inference-server/server/tree/main/docs/protocol */
export const EXTENSIONS = ["model_configuration", "model_repository", "parameters", "statistics"] as const;

const MAX_STREAM_IN_FLIGHT = 16;

/** Full name of the service. */
export const OPEN_INFERENCE_SERVICE = "inference.GRPCInferenceService";

/** The service `inference.GRPCInferenceService` over all models of a repository. */
export function openInferenceService(repository: Repository, options: OpenInferenceOptions): Service {
  const observe = options.observe ?? (() => {});
  const service = new ServiceBuilder(observe);
  addServerMethods(service, repository, options);
  addModelMethods(service, repository);
  addRepositoryMethods(service, repository, options.allowRepositoryControl ?? false);
  const inferOptions = {
    maxMessageBytes: options.maxMessageBytes ?? Number.POSITIVE_INFINITY,
    maxStreamInFlight: options.maxStreamInFlight ?? MAX_STREAM_IN_FLIGHT,
    streams: options.streams ?? DEFAULT_STREAMS,
    draining: options.draining,
    observe,
  };
  service.handle("ModelInfer", inferHandler(repository, inferOptions));
  service.raw("ModelStreamInfer", inferStreamHandler(repository, inferOptions), true);
  return service;
}

/** Collects methods one by one, so that a definition and its handler can't drift apart. */
class ServiceBuilder implements Service {
  readonly definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  readonly implementation: UntypedServiceImplementation = {};
  readonly unaryHandlers = new Map<string, UnaryHandler>();
  readonly #observe: CallObserver;

  constructor(observe: CallObserver) {
    this.#observe = observe;
  }

  unary<Request, Response>(
    name: string,
    codecs: readonly [MessageCodec<Request>, MessageCodec<Response>],
    answer: (request: Request) => Response | Promise<Response>,
  ): void {
    const [request, response] = codecs;
    const onError = (fault: unknown): void => {
      if (!(fault instanceof Fault)) this.#observe({ contract: "", revision: "", method: name, fault, elapsedMs: 0 });
    };
    this.raw(name, unaryHandler({ request, response, answer, onError }));
  }

  handle(name: string, handler: UnaryHandler): void {
    this.raw(name, grpcHandler(handler));
    this.unaryHandlers.set(this.definition[name]!.path, handler);
  }

  raw(name: string, handler: UntypedServiceImplementation[string], streams = false): void {
    this.definition[name] = rawMethod(`/${OPEN_INFERENCE_SERVICE}/${name}`, streams);
    this.implementation[name] = handler;
  }
}

function addServerMethods(service: ServiceBuilder, repository: Repository, options: OpenInferenceOptions): void {
  service.unary("ServerLive", [wire.ServerLiveRequest, wire.ServerLiveResponse], () => ({ live: true }));
  service.unary("ServerReady", [wire.ServerReadyRequest, wire.ServerReadyResponse], () => ({
    ready: repository.ready && options.draining?.aborted !== true,
  }));
  service.unary("ServerMetadata", [wire.ServerMetadataRequest, wire.ServerMetadataResponse], () => ({
    name: "flotilla",
    version: options.version,
    extensions: [...EXTENSIONS],
  }));
}

function addModelMethods(service: ServiceBuilder, repository: Repository): void {
  service.unary("ModelReady", [wire.ModelReadyRequest, wire.ModelReadyResponse], (request) => ({
    ready: isReady(repository, request),
  }));
  service.unary("ModelMetadata", [wire.ModelMetadataRequest, wire.ModelMetadataResponse], (request) =>
    modelMetadata(repository, request),
  );
  service.unary("ModelConfig", [wire.ModelConfigRequest, wire.ModelConfigResponse], (request) =>
    modelConfig(repository, request),
  );
  service.unary("ModelStatistics", [wire.ModelStatisticsRequest, wire.ModelStatisticsResponse], (request) =>
    modelStatistics(repository, request),
  );
}

function addRepositoryMethods(service: ServiceBuilder, repository: Repository, allowed: boolean): void {
  service.unary("RepositoryIndex", [wire.RepositoryIndexRequest, wire.RepositoryIndexResponse], (request) =>
    repositoryIndex(repository, request),
  );
  service.unary(
    "RepositoryModelLoad",
    [wire.RepositoryModelLoadRequest, wire.RepositoryModelLoadResponse],
    async (request) => {
      await loadModel(repository, request, allowed);
      return {};
    },
  );
  service.unary(
    "RepositoryModelUnload",
    [wire.RepositoryModelUnloadRequest, wire.RepositoryModelUnloadResponse],
    async (request) => {
      await unloadModel(repository, request, allowed);
      return {};
    },
  );
}

/** Whether a model takes calls. One that is not there does not: clients ask this in a loop until it is. */
function isReady(repository: Repository, { name, version }: ModelQuery): boolean {
  try {
    return findModel(repository, name, version).state === "READY";
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
}
