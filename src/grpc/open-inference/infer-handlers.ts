import { type handleBidiStreamingCall, status } from "@grpc/grpc-js";
import type { Repository } from "../../serving/inference.js";
import type { StreamSettings } from "../../serving/stream-settings.js";
import { answerTrailers, type CallObserver, deadlineOf, formatTiming, wantedOf } from "../call.js";
import { answerInOrder } from "../ordered-stream.js";
import { toStatus, toStatusObject } from "../status.js";
import { StreamDoor } from "../stream-door.js";
import type { StreamWatch } from "../stream-watch.js";
import type { UnaryHandler } from "../unary-call.js";
import { type InferResult, infer } from "./infer.js";
import { writeInferResponse, writeStreamError, writeStreamResponse } from "./infer-response.js";

/** How inferences are served. */
export interface InferOptions {
  /** Largest answer in bytes. */
  readonly maxMessageBytes: number;
  /** Requests of one stream that may be unanswered. */
  readonly maxStreamInFlight: number;
  readonly streams: StreamSettings;
  /** Once aborted, streams answer what they have read and end with UNAVAILABLE. */
  readonly draining: AbortSignal | undefined;
  readonly observe: CallObserver;
}

type Bytes = Buffer<ArrayBuffer>;

/** The handler of `ModelInfer`. */
export function inferHandler(repository: Repository, options: InferOptions): UnaryHandler {
  return ({ request, headers, deadlineMs }, settle) => {
    const startMs = performance.now();
    const wanted = wantedOf(headers);
    const inferCall = {
      request,
      wanted,
      deadlineMs,
      write: writeInferResponse,
      maxMessageBytes: options.maxMessageBytes,
    };
    return infer(repository, inferCall, (result) => {
      const { model, answer, codecMs } = result;
      const totalMs = performance.now() - startMs;
      report(options.observe, { method: "ModelInfer", result, elapsedMs: totalMs });
      if (!answer.ok) {
        settle({ ok: false, status: toStatus(answer.error, model && answerTrailers(model, wanted)) });
        return;
      }
      const trailers = answerTrailers(answer.model, wanted, formatTiming(answer.timing, codecMs, totalMs));
      settle({ ok: true, message: answer.message, trailers });
    });
  };
}

/** The handler of `ModelStreamInfer`: requests run beside one another, answers come in the order of requests. */
export function inferStreamHandler(
  repository: Repository,
  options: InferOptions,
): handleBidiStreamingCall<Bytes, Buffer> {
  const { maxMessageBytes, maxStreamInFlight, streams, draining, observe } = options;
  const door = new StreamDoor(streams, { label: "ModelStreamInfer", draining });
  return (call) => {
    let watch: StreamWatch;
    try {
      watch = door.enter(call);
    } catch (fault) {
      observe({ contract: "", revision: "", method: "ModelStreamInfer", fault, elapsedMs: 0 });
      call.emit("error", toStatusObject(fault));
      return;
    }
    const wanted = wantedOf(call.metadata);
    const deadlineMs = deadlineOf(call);
    answerInOrder(call, {
      maxInFlight: maxStreamInFlight,
      watch,
      take: (request, reply) => {
        const startMs = performance.now();
        const inferCall = { request, wanted, deadlineMs, maxMessageBytes, write: writeStreamResponse };
        return infer(repository, inferCall, (result) => {
          report(observe, { method: "ModelStreamInfer", result, elapsedMs: performance.now() - startMs });
          reply({ message: toStreamMessage(result) });
        });
      },
    });
  };
}

/** A request of a stream that fails is answered in its place, and the stream goes on. */
function toStreamMessage({ answer, id }: InferResult): Buffer {
  if (answer.ok) return answer.message;
  const { code, details } = toStatus(answer.error);
  return writeStreamError(`${status[code]}: ${details}`, id);
}

interface Settled {
  readonly method: string;
  readonly result: InferResult;
  readonly elapsedMs: number;
}

/** A model that was not found has no name here: callers could make up any number of them. */
function report(observe: CallObserver, { method, result: { model, answer }, elapsedMs }: Settled): void {
  const fault = answer.ok ? undefined : answer.error;
  observe({ contract: model?.contract ?? "", revision: model?.revision ?? "", method, fault, elapsedMs });
}
