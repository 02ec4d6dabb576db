import type { z } from "zod";
import { STREAM_DEFAULTS, type StreamsSchema } from "./schema-streams.js";
import type { StreamSpec } from "./spec.js";
import { toMs } from "./units.js";

/** `streams` of a contract once the file has been checked. */
type StreamsFile = z.output<typeof StreamsSchema>;

/** How streams are served, ours where the file does not say. */
export function resolveStreams(streams: StreamsFile = {}): StreamSpec {
  return {
    idleMs: streams.idle ?? toMs(STREAM_DEFAULTS.idle),
    drainMs: streams.drain ?? toMs(STREAM_DEFAULTS.drain),
    perCaller: streams.perCaller ?? STREAM_DEFAULTS.perCaller,
    maxMessages: streams.maxMessages ?? Number.POSITIVE_INFINITY,
    maxBytes: streams.maxBytes ?? Number.POSITIVE_INFINITY,
    secret: streams.secret,
  };
}
