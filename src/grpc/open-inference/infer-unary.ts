import type { handleUnaryCall } from "@grpc/grpc-js";
import type { Repository } from "../../serving/inference.js";
import { toStatus } from "../status.js";
import { type InferResult, infer } from "./infer.js";
import { writeInferResponse } from "./infer-response.js";
import { askedRevision, toDeadlineMs } from "./rpc-method.js";
import { toTrailers } from "./trailers.js";

/** What `ModelInfer` needs. */
export interface InferOptions {
  readonly maxMessageBytes: number;
  /** Told of every request that was settled. */
  readonly observe: (result: InferResult) => void;
}

/** The handler of `ModelInfer`. */
export function inferHandler(
  repository: Repository,
  { maxMessageBytes, observe }: InferOptions,
): handleUnaryCall<Buffer<ArrayBuffer>, Buffer> {
  return (call, callback) => {
    const startMs = performance.now();
    let cancel = (): void => {};
    call.on("cancelled", () => cancel());
    const inferCall = {
      request: call.request,
      revision: askedRevision(call.metadata),
      deadlineMs: toDeadlineMs(call.getDeadline()),
      write: writeInferResponse,
      maxMessageBytes,
    };
    cancel = infer(repository, inferCall, (result) => {
      observe(result);
      const trailers = toTrailers(result, performance.now() - startMs);
      if (result.answer.ok) callback(null, result.answer.message, trailers);
      else callback(toStatus(result.answer.error, trailers));
    });
  };
}
