import type { Metadata, ServerDuplexStream, StatusObject } from "@grpc/grpc-js";
import { Fault } from "../contract/fault.js";
import { toStatus } from "./status.js";

/** What became of one message of a stream: its answer, or the status that ends the stream after the answers before it. */
export type StreamReply = { readonly message: Buffer } | { readonly status: StatusObject };

/** How the messages of one stream are answered. */
export interface OrderedStreamOptions {
  /** Messages that may be unanswered; reading stops there until one is answered. */
  readonly maxInFlight: number;
  /** Once aborted, what was read is answered and the stream ends with UNAVAILABLE. */
  readonly draining: AbortSignal | undefined;
  /**
   * Takes a message on; `reply` is called exactly once, at any time.
   * @returns gives the message up
   */
  take(request: Buffer<ArrayBuffer>, reply: (reply: StreamReply) => void): () => void;
  /** Trailing metadata of a stream that ends well. */
  trailers?(): Metadata;
}

/** The place of one message in the order of answers. */
interface Slot {
  reply: StreamReply | undefined;
  cancel: () => void;
}

/**
 * Answers the messages of a stream in their order, with bounded memory: a reader that is slow stops the writing, and
 * that stops the reading, so the caller's own flow control holds it back. Messages run beside one another; answers wait
 * for those before them.
 */
export function answerInOrder(
  call: ServerDuplexStream<Buffer<ArrayBuffer>, Buffer>,
  options: OrderedStreamOptions,
): void {
  const { maxInFlight, draining } = options;
  const slots: Slot[] = [];
  let state: "open" | "ending" | "over" = "open";
  let drained = false;
  let blocked = false;

  const take = (request: Buffer<ArrayBuffer>): void => {
    if (state !== "open") return;
    const slot: Slot = { reply: undefined, cancel: () => {} };
    slots.push(slot);
    if (slots.length >= maxInFlight) call.pause();
    slot.cancel = options.take(request, (reply) => {
      slot.reply = reply;
      flush();
    });
  };

  const flush = (): void => {
    while (!blocked && state !== "over" && slots[0]?.reply !== undefined) {
      const reply = slots.shift()!.reply!;
      if ("status" in reply) fail(reply.status);
      else blocked = !call.write(reply.message);
    }
    if (blocked || state === "over") return;
    if (state === "ending" && slots.length === 0) finish();
    else if (state === "open" && slots.length < maxInFlight && call.isPaused()) call.resume();
  };

  const fail = (status: StatusObject): void => {
    leave();
    call.emit("error", status);
  };

  const finish = (): void => {
    if (drained) fail(toStatus(new Fault("DRAINING", "the server is draining: open the stream anew")));
    else {
      leave();
      call.end(options.trailers?.());
    }
  };

  const endWhenAnswered = (): void => {
    if (state === "open") state = "ending";
    flush();
  };

  const drain = (): void => {
    if (state !== "open") return;
    drained = true;
    call.pause();
    endWhenAnswered();
  };

  const leave = (): void => {
    state = "over";
    draining?.removeEventListener("abort", drain);
    for (const slot of slots.splice(0)) slot.cancel();
  };

  call.on("drain", () => {
    blocked = false;
    flush();
  });
  call.on("end", endWhenAnswered);
  call.on("cancelled", leave);
  call.on("data", take);
  if (draining?.aborted) drain();
  else draining?.addEventListener("abort", drain);
}
