import type {
  handleBidiStreamingCall,
  Metadata,
  MethodDefinition,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Contract } from "../contract/contract.js";
import type { Model, Repository } from "../serving/inference.js";
import type { StreamSettings } from "../serving/stream-settings.js";
import { formatHops, HOPS_TRAILER, type HopSummary, MadeHops } from "../telemetry/made-hops.js";
import { answerTrailers, type CallObserver, deadlineOf, formatTiming, wantedOf } from "./call.js";
import { answerInOrder } from "./ordered-stream.js";
import { rawMethod } from "./raw-method.js";
import { RESUME_HEADER, ResumeTokens } from "./resume-token.js";
import { metadataOf, type Trailers, toStatus, toStatusObject } from "./status.js";
import { StreamDoor } from "./stream-door.js";
import type { StreamWatch } from "./stream-watch.js";
import { type TypedAnswer, TypedMethod } from "./typed-method.js";
import { grpcHandler, type UnaryHandler } from "./unary-call.js";

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
  /** Those of its unary methods that many calls are expected of, by their paths; they are in `implementation`, too. */
  readonly unaryHandlers: ReadonlyMap<string, UnaryHandler>;
}

type Bytes = Buffer<ArrayBuffer>;

/** The typed service of a contract, over the models of a repository. Messages reach our codec as they came. */
export function typedService(contract: Contract, repository: Repository, options: TypedServiceOptions): Service {
  const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const implementation: UntypedServiceImplementation = {};
  const unaryHandlers = new Map<string, UnaryHandler>();
  const door = new StreamDoor(options.streams, { label: contract.name, draining: options.draining });
  for (const description of contract.methods) {
    const method = new TypedMethod(contract, description, options.maxMessageBytes);
    const streams = description.kind === "stream";
    definition[description.name] = rawMethod(description.path, streams);
    if (streams) {
      implementation[description.name] = streamHandler(method, repository, { ...options, door });
    } else {
      const handler = unaryHandler(method, repository, options);
      unaryHandlers.set(description.path, handler);
      implementation[description.name] = grpcHandler(handler);
    }
  }
  return { definition, implementation, unaryHandlers };
}

function unaryHandler(method: TypedMethod, repository: Repository, { observe }: TypedServiceOptions): UnaryHandler {
  const { contract } = method;
  return (call, settle) => {
    const startMs = performance.now();
    const wanted = wantedOf(call.headers);
    let model: Model;
    try {
      model = repository.find(contract.name, wanted);
    } catch (fault) {
      observe({ contract: contract.name, revision: "", method: method.method.name, fault, elapsedMs: 0 });
      settle({ ok: false, status: toStatus(fault) });
      return () => {};
    }
    const { request, deadlineMs } = call;
    const typed = { model, request, headers: () => call.metadata(), deadlineMs, state: method.newState() };
    return method.infer(typed, (answer) => {
      const elapsedMs = performance.now() - startMs;
      report(observe, method, model, answer, elapsedMs);
      if (!answer.ok) {
        settle({ ok: false, status: toStatus(answer.fault, answerTrailers(model, wanted)) });
        return;
      }
      const trailers = answerTrailers(model, wanted, formatTiming(answer.timing, answer.codecMs, elapsedMs));
      settle({ ok: true, message: answer.message, trailers: withHops(trailers, answer.hops) });
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
      call.emit("error", toStatusObject(fault));
      return;
    }
    const deadlineMs = deadlineOf(call);
    const made = new MadeHops();
    const trailers = (whole: boolean): Metadata => {
      const answer = metadataOf(withHops(answerTrailers(model, wanted), made.summaries));
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
        return method.infer({ model, request, headers: () => call.metadata, deadlineMs, state }, (answer) => {
          report(observe, method, model, answer, performance.now() - startMs);
          if (answer.ok) for (const hop of answer.hops) made.join(hop);
          reply(
            answer.ok
              ? { message: answer.message }
              : { status: toStatusObject(answer.fault, metadataOf(answerTrailers(model, wanted))) },
          );
        });
      },
    });
  };
}

/** Says in an answer's trailers whom a composition called for it. */
function withHops(trailers: Trailers, hops: readonly HopSummary[]): Trailers {
  return hops.length === 0 ? trailers : { ...trailers, [HOPS_TRAILER]: formatHops(hops) };
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
