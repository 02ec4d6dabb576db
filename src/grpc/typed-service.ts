import type {
  handleBidiStreamingCall,
  handleUnaryCall,
  Metadata,
  MethodDefinition,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Contract } from "../contract/contract.js";
import type { Model, Repository } from "../serving/inference.js";
import type { StreamSettings } from "../serving/stream-settings.js";
import { formatHops, HOPS_TRAILER } from "../telemetry/made-hops.js";
import { answerTrailers, type CallObserver, deadlineOf, formatTiming, wantedOf } from "./call.js";
import { answerInOrder } from "./ordered-stream.js";
import { rawMethod } from "./raw-method.js";
import { RESUME_HEADER, ResumeTokens } from "./resume-token.js";
import { toStatus } from "./status.js";
import { StreamDoor } from "./stream-door.js";
import type { StreamWatch } from "./stream-watch.js";
import { type TypedAnswer, TypedMethod } from "./typed-method.js";

/** How typed services are served. */
export interface TypedServiceOptions {
  /** Largest answer in bytes. */
  readonly maxMessageBytes: number;
  /** Messages of one stream that may be unanswered. */
  readonly maxStreamInFlight: number;
  readonly streams: StreamSettings;
  /** Once aborted, streams answer what they have read and end with UNAVAILABLE. */
  readonly draining: AbortSignal;
  readonly observe: CallObserver;
  /** Told of a stream that has begun; what it returns is told of its end. */
  readonly onStream: (model: Model) => () => void;
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
  const door = new StreamDoor(options.streams, { label: contract.name, draining: options.draining });
  for (const description of contract.methods) {
    const method = new TypedMethod(contract, description, options.maxMessageBytes);
    const streams = description.kind === "stream";
    definition[description.name] = rawMethod(description.path, streams);
    implementation[description.name] = streams
      ? streamHandler(method, repository, { ...options, door })
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
    const wanted = wantedOf(call.metadata);
    let model: Model;
    try {
      model = repository.find(contract.name, wanted);
    } catch (fault) {
      observe({ contract: contract.name, revision: "", method: method.method.name, fault, elapsedMs: 0 });
      callback(toStatus(fault));
      return;
    }
    let cancel = () => {};
    call.on("cancelled", () => cancel());
    const { request, metadata: headers } = call;
    const typed = { model, request, headers, deadlineMs: deadlineOf(call), state: method.newState() };
    cancel = method.infer(typed, (answer) => {
      const elapsedMs = performance.now() - startMs;
      report(observe, method, model, answer, elapsedMs);
      if (!answer.ok) {
        callback(toStatus(answer.fault, answerTrailers(model, wanted)));
        return;
      }
      const trailers = answerTrailers(model, wanted, formatTiming(answer.timing, answer.codecMs, elapsedMs));
      if (answer.hops.length > 0) trailers.set(HOPS_TRAILER, formatHops(answer.hops));
      callback(null, answer.message, trailers);
    });
  };
}

function streamHandler(
  method: TypedMethod,
  repository: Repository,
  options: TypedServiceOptions & { readonly door: StreamDoor },
): handleBidiStreamingCall<Bytes, Buffer> {
  const { contract } = method;
  const { observe, door, maxStreamInFlight, onStream } = options;
  const tokens = contract.resumable ? new ResumeTokens(contract, method.method.name, options.streams.key) : undefined;
  return (call) => {
    const wanted = wantedOf(call.metadata);
    let model: Model;
    let watch: StreamWatch;
    const state = method.newState();
    const kept = tokens && keptState(call.metadata);
    try {
      model = repository.find(contract.name, wanted);
      if (kept?.length) tokens!.open(kept, { state, model });
      watch = door.enter(call, () => onStream(model));
    } catch (fault) {
      observe({ contract: contract.name, revision: "", method: method.method.name, fault, elapsedMs: 0 });
      call.emit("error", toStatus(fault));
      return;
    }
    const deadlineMs = deadlineOf(call);
    const trailers = (whole: boolean): Metadata => {
      const answer = answerTrailers(model, wanted);
      // Of messages that are given up the state would know, or not.
      if (whole && kept && model.digest !== undefined) answer.set(RESUME_HEADER, tokens!.seal(state, model));
      return answer;
    };
    answerInOrder(call, {
      // What one message leaves behind is what the next one starts from.
      maxInFlight: state.empty ? maxStreamInFlight : 1,
      watch,
      trailers,
      take: (request, reply) => {
        const startMs = performance.now();
        return method.infer({ model, request, headers: call.metadata, deadlineMs, state }, (answer) => {
          report(observe, method, model, answer, performance.now() - startMs);
          reply(
            answer.ok ? { message: answer.message } : { status: toStatus(answer.fault, answerTrailers(model, wanted)) },
          );
        });
      },
    });
  };
}

/** What the caller kept of another stream; empty where it begins one, and wants to keep its state. */
function keptState(metadata: Metadata): Buffer | undefined {
  const [value] = metadata.get(RESUME_HEADER);
  return value === undefined ? undefined : Buffer.from(value);
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
