import { z } from "zod";
import { count, duration, label, size } from "./schema-values.js";

/** What these fields are where the file does not say. Shown to editors, applied by streams.ts. */
export const STREAM_DEFAULTS = {
  idle: "5m",
  drain: "10s",
  perCaller: 256,
} as const;

/** `streams` of a contract: how long its streams may last, and how many there may be. */
export const StreamsSchema = z
  .strictObject({
    idle: duration("above zero").optional().meta({
      description: "A stream in which nothing moves for so long is ended with ABORTED.",
      default: STREAM_DEFAULTS.idle,
    }),
    drain: duration("above zero").optional().meta({
      description:
        "How long a stream has, once its server drains, to be answered what it has sent. Then it is ended with UNAVAILABLE.",
      default: STREAM_DEFAULTS.drain,
    }),
    perCaller: count(1, 1_000_000).optional().meta({
      description: "Streams that one caller may have open at a server. More are refused with RESOURCE_EXHAUSTED.",
      default: STREAM_DEFAULTS.perCaller,
    }),
    maxMessages: count(1, 1_000_000_000).optional().meta({
      description: "Messages after which a stream is ended with RESOURCE_EXHAUSTED. By default any number.",
    }),
    maxBytes: size.optional().meta({
      description:
        "Size of its messages together after which a stream is ended with RESOURCE_EXHAUSTED. By default any.",
    }),
    secret: label("a secret's name").optional().meta({
      description:
        "Secret whose `key` signs the state that callers of a resumable contract keep. By default it is checked, not signed.",
    }),
  })
  .meta({ description: "How long streams may last, and how many one caller may have." });
