import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { Fault } from "../../contract/fault.js";
import type { Repository } from "../../serving/inference.js";
import { toStatus } from "../status.js";
import { type InferResult, infer } from "./infer.js";
import { writeStreamError, writeStreamResponse } from "./infer-response.js";

/** What a `ModelStreamInfer` call needs. */
export interface StreamOptions {
  readonly revision: string | undefined;
  readonly deadlineMs: number;
  readonly maxMessageBytes: number;
  /** Requests of one stream that may be unanswered; reading stops there until one is answered. */
  readonly maxInFlight: number;
  /** Once aborted, what was read is answered and the stream ends with UNAVAILABLE. */
  readonly draining: AbortSignal | undefined;
  /** Told of every request that was settled. */
  readonly observe: (result: InferResult) => void;
}

/** The place of one request in the order of answers. */
interface Slot {
  message: Buffer<ArrayBuffer> | undefined;
  cancel: () => void;
}

type InferDuplex = ServerDuplexStream<Buffer<ArrayBuffer>, Buffer>;

/** Answers the requests of a stream in their order. Requests run beside one another; answers wait for those before them. */
export function inferStream(call: InferDuplex, repository: Repository, options: StreamOptions): void {
  const { maxInFlight, draining, observe } = options;
  const slots: Slot[] = [];
  let state: "open" | "ending" | "over" = "open";
  let drained = false;
  let blocked = false;

  const take = (request: Buffer<ArrayBuffer>): void => {
    if (state !== "open") return;
    const slot: Slot = { message: undefined, cancel: () => {} };
    slots.push(slot);
    if (slots.length >= maxInFlight) call.pause();
    const { revision, deadlineMs, maxMessageBytes } = options;
    const inferCall = { request, revision, deadlineMs, maxMessageBytes, write: writeStreamResponse };
    slot.cancel = infer(repository, inferCall, (result) => {
      observe(result);
      slot.message = toMessage(result);
      flush();
    });
  };

  const flush = (): void => {
    while (!blocked && state !== "over" && slots[0]?.message !== undefined) {
      blocked = !call.write(slots.shift()!.message!);
    }
    if (blocked || state === "over") return;
    if (state === "ending" && slots.length === 0) finish();
    else if (state === "open" && slots.length < maxInFlight && call.isPaused()) call.resume();
  };

  const finish = (): void => {
    leave();
    if (drained) call.emit("error", toStatus(new Fault("DRAINING", "the server is draining: open the stream anew")));
    else call.end();
  };

  const endWith = (): void => {
    if (state === "open") state = "ending";
    flush();
  };

  const drain = (): void => {
    if (state !== "open") return;
    drained = true;
    call.pause();
    endWith();
  };

  const leave = (): void => {
    state = "over";
    draining?.removeEventListener("abort", drain);
  };

  call.on("drain", () => {
    blocked = false;
    flush();
  });
  call.on("end", endWith);
  call.on("cancelled", () => {
    leave();
    for (const slot of slots.splice(0)) slot.cancel();
  });
  call.on("data", take);
  if (draining?.aborted) drain();
  else draining?.addEventListener("abort", drain);
}

/** A request that fails is answered in its place, and the stream goes on. */
function toMessage({ answer, id }: InferResult): Buffer<ArrayBuffer> {
  if (answer.ok) return answer.message;
  const { code, details } = toStatus(answer.error);
  return writeStreamError(`${status[code]}: ${details}`, id);
}
