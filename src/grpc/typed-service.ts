import type {
  handleBidiStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Contract } from "../contract/contract.js";
import type { Model, Repository } from "../serving/inference.js";
import { answerTrailers, type CallObserver, deadlineOf, wantedRevision } from "./call.js";
import { answerInOrder } from "./ordered-stream.js";
import { rawMethod } from "./raw-method.js";
import { toStatus } from "./status.js";
import { type TypedAnswer, TypedMethod } from "./typed-method.js";

/** How typed services are served. */
export interface TypedServiceOptions {
  /** Largest answer in bytes. */
  readonly maxMessageBytes: number;
  /** Messages of one stream that may be unanswered. */
  readonly maxStreamInFlight: number;
  /** Once aborted, streams answer what they have read and end with UNAVAILABLE. */
  readonly draining: AbortSignal;
  readonly observe: CallObserver;
}

/** A service as `Server.addService` of grpc-js takes it. */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

type Bytes = Buffer<ArrayBuffer>;

/** The typed service of a contract, over the models of a repository. Messages reach our codec as they came. */
export function typedService(contract: Contract, repository: Repository, options: TypedServiceOptions): Service {
  const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const description of contract.methods) {
    const method = new TypedMethod(contract, description, options.maxMessageBytes);
    const streams = description.kind === "stream";
    definition[description.name] = rawMethod(description.path, streams);
    implementation[description.name] = streams
      ? streamHandler(method, repository, options)
      : unaryHandler(method, repository, options);
  }
  return { definition, implementation };
}

function unaryHandler(
  method: TypedMethod,
  repository: Repository,
  { observe }: TypedServiceOptions,
): handleUnaryCall<Bytes, Buffer> {
  const { contract } = method;
  return (call, callback) => {
    const startMs = performance.now();
    let model: Model;
    try {
      model = repository.find(contract.name, wantedRevision(call.metadata));
    } catch (fault) {
      observe({ contract: contract.name, revision: "", method: method.method.name, fault, elapsedMs: 0 });
      callback(toStatus(fault));
      return;
    }
    let cancel = () => {};
    call.on("cancelled", () => cancel());
    const request = { model, request: call.request, deadlineMs: deadlineOf(call), state: method.newState() };
    cancel = method.infer(request, (answer) => {
      const elapsedMs = performance.now() - startMs;
      report(observe, method, model, answer, elapsedMs);
      if (!answer.ok) callback(toStatus(answer.fault, answerTrailers(model)));
      else
        callback(
          null,
          answer.message,
          answerTrailers(model, { ...answer.timing, codecMs: answer.codecMs, totalMs: elapsedMs }),
        );
    });
  };
}

function streamHandler(
  method: TypedMethod,
  repository: Repository,
  options: TypedServiceOptions,
): handleBidiStreamingCall<Bytes, Buffer> {
  const { contract } = method;
  const { observe, draining, maxStreamInFlight } = options;
  return (call) => {
    let model: Model;
    try {
      model = repository.find(contract.name, wantedRevision(call.metadata));
    } catch (fault) {
      observe({ contract: contract.name, revision: "", method: method.method.name, fault, elapsedMs: 0 });
      call.emit("error", toStatus(fault));
      return;
    }
    const state = method.newState();
    const deadlineMs = deadlineOf(call);
    answerInOrder(call, {
      // What one message leaves behind is what the next one starts from.
      maxInFlight: state.empty ? maxStreamInFlight : 1,
      draining,
      trailers: () => answerTrailers(model),
      take: (request, reply) => {
        const startMs = performance.now();
        return method.infer({ model, request, deadlineMs, state }, (answer) => {
          report(observe, method, model, answer, performance.now() - startMs);
          reply(answer.ok ? { message: answer.message } : { status: toStatus(answer.fault, answerTrailers(model)) });
        });
      },
    });
  };
}

function report(
  observe: CallObserver,
  method: TypedMethod,
  model: Model,
  answer: TypedAnswer,
  elapsedMs: number,
): void {
  const { contract, revision } = model;
  observe({ contract, revision, method: method.method.name, fault: answer.ok ? undefined : answer.fault, elapsedMs });
}
