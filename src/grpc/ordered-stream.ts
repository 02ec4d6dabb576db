import type { Metadata, ServerDuplexStream, StatusObject } from "@grpc/grpc-js";
import { toStatusObject } from "./status.js";
import type { StreamWatch } from "./stream-watch.js";

/** What became of one message of a stream: its answer, or the status that ends the stream after the answers before it. */
export type StreamReply = { readonly message: Buffer } | { readonly status: StatusObject };

/** How the messages of one stream are answered. */
export interface OrderedStreamOptions {
  /** Messages that may be unanswered; reading stops there until one is answered. */
  readonly maxInFlight: number;
  /** Says when the stream is to end: what was read is answered, as far as there is time, and the rest is given up. */
  readonly watch: StreamWatch | undefined;
  /**
   * Takes a message on; `reply` is called exactly once, at any time.
   * @returns gives the message up
   */
  take(request: Buffer<ArrayBuffer>, reply: (reply: StreamReply) => void): () => void;
  /**
   * Trailing metadata of a stream that ends without a fault in a message.
   * @param whole whether all that was read is answered
   */
  trailers?(whole: boolean): Metadata;
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
  const { maxInFlight, watch } = options;
  const ending = watch?.ending;
  const slots: Slot[] = [];
  let state: "open" | "ending" | "over" = "open";
  let blocked = false;
  let patience: NodeJS.Timeout | undefined;

  const take = (request: Buffer<ArrayBuffer>): void => {
    if (state !== "open") return;
    const slot: Slot = { reply: undefined, cancel: () => {} };
    slots.push(slot);
    if (slots.length >= maxInFlight) call.pause();
    watch?.began(request.length);
    slot.cancel = options.take(request, (reply) => {
      slot.reply = reply;
      watch?.answered();
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
    if (ending?.aborted) fail(toStatusObject(ending.reason, options.trailers?.(true)));
    else {
      leave();
      call.end(options.trailers?.(true));
    }
  };

  const endWhenAnswered = (): void => {
    if (state === "open") state = "ending";
    flush();
  };

  const end = (): void => {
    call.pause();
    patience = setTimeout(giveUp, watch!.drainMs).unref();
    endWhenAnswered();
  };

  /** A model that is slow, or a caller that reads nothing, is not waited for any longer. */
  const giveUp = (): void => fail(toStatusObject(ending!.reason, options.trailers?.(false)));

  const leave = (): void => {
    if (state === "over") return;
    state = "over";
    clearTimeout(patience);
    ending?.removeEventListener("abort", end);
    watch?.close();
    for (const slot of slots.splice(0)) slot.cancel();
  };

  call.on("drain", () => {
    blocked = false;
    flush();
  });
  call.on("end", endWhenAnswered);
  call.on("cancelled", leave);
  call.on("data", take);
  if (ending?.aborted) end();
  else ending?.addEventListener("abort", end);
}
