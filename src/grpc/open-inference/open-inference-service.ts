import type {
  handleBidiStreamingCall,
  MethodDefinition,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import * as wire from "../../../generated/ts/inference/grpc_service.js";
import { Fault } from "../../contract/fault.js";
import type { Repository } from "../../serving/inference.js";
import type { InferResult } from "./infer.js";
import { inferStream } from "./infer-stream.js";
import { inferHandler } from "./infer-unary.js";
import { type ModelQuery, modelConfig, modelMetadata } from "./model-metadata.js";
import { loadModel, repositoryIndex, unloadModel } from "./model-repository.js";
import { modelStatistics } from "./model-statistics.js";
import { findModel } from "./models.js";
import { askedRevision, type MessageCodec, rawMethod, toDeadlineMs, unaryHandler } from "./rpc-method.js";

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
  /** Once aborted, streams answer what they have read and end with UNAVAILABLE. */
  readonly draining?: AbortSignal;
  /** Told of every inference that was settled, in streams too. */
  readonly observe?: (result: InferResult) => void;
  /** Told of errors that are no Fault; callers get INTERNAL and no more. */
  readonly onError?: (error: unknown, method: string) => void;
}

/** A service as `Server.addService` of grpc-js takes it. */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** Extensions of the protocol that are served. @see https://github.com/triton-inference-server/server/tree/main/docs/protocol */
export const EXTENSIONS = ["model_configuration", "model_repository", "parameters", "statistics"] as const;

const MAX_STREAM_IN_FLIGHT = 16;

/** Full name of the service. */
export const OPEN_INFERENCE_SERVICE = "inference.GRPCInferenceService";

/** The service `inference.GRPCInferenceService` over all models of a repository. */
export function openInferenceService(repository: Repository, options: OpenInferenceOptions): Service {
  const service = new ServiceBuilder(options.onError ?? (() => {}));
  addServerMethods(service, repository, options);
  addModelMethods(service, repository);
  addRepositoryMethods(service, repository, options.allowRepositoryControl ?? false);
  addInferMethods(service, repository, options);
  return service;
}

/** Collects methods one by one, so that a definition and its handler can't drift apart. */
class ServiceBuilder implements Service {
  readonly definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  readonly implementation: UntypedServiceImplementation = {};
  readonly #onError: (error: unknown, method: string) => void;

  constructor(onError: (error: unknown, method: string) => void) {
    this.#onError = onError;
  }

  unary<Request, Response>(
    name: string,
    codecs: readonly [MessageCodec<Request>, MessageCodec<Response>],
    answer: (request: Request) => Response | Promise<Response>,
  ): void {
    const [request, response] = codecs;
    this.raw(name, unaryHandler({ request, response, answer, onError: (error) => this.report(error, name) }));
  }

  raw(name: string, handler: UntypedServiceImplementation[string], streams = false): void {
    this.definition[name] = rawMethod(name, streams);
    this.implementation[name] = handler;
  }

  report(error: unknown, method: string): void {
    if (!(error instanceof Fault) || error.cause !== undefined) this.#onError(error, method);
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

function addInferMethods(service: ServiceBuilder, repository: Repository, options: OpenInferenceOptions): void {
  const maxMessageBytes = options.maxMessageBytes ?? Number.POSITIVE_INFINITY;
  const observed = (method: string) => (result: InferResult) => {
    options.observe?.(result);
    if (!result.answer.ok) service.report(result.answer.error, method);
  };
  service.raw("ModelInfer", inferHandler(repository, { maxMessageBytes, observe: observed("ModelInfer") }));
  const stream: handleBidiStreamingCall<Buffer<ArrayBuffer>, Buffer> = (call) =>
    inferStream(call, repository, {
      revision: askedRevision(call.metadata),
      deadlineMs: toDeadlineMs(call.getDeadline()),
      maxMessageBytes,
      maxInFlight: options.maxStreamInFlight ?? MAX_STREAM_IN_FLIGHT,
      draining: options.draining,
      observe: observed("ModelStreamInfer"),
    });
  service.raw("ModelStreamInfer", stream, true);
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
