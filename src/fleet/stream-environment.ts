import type { Environment } from "./environment.js";
import { show } from "./findings.js";
import { resolveStreams } from "./resolve-streams.js";
import { StreamsSchema } from "./schema-streams.js";
import type { StreamSpec } from "./spec.js";
import { formatMs } from "./units.js";

const VARIABLE = "FLOTILLA_STREAMS";
/** Variable that holds the secret's `key`. */
export const STREAM_KEY = "FLOTILLA_STREAM_KEY";

/** What a server in a cluster is told of its streams, as the fleet file would say it. */
export function toStreamEnvironment(streams: StreamSpec): Record<string, string> {
  const { idleMs, drainMs, perCaller, maxMessages, maxBytes } = streams;
  const said = {
    idle: formatMs(idleMs),
    drain: formatMs(drainMs),
    perCaller,
    ...(Number.isFinite(maxMessages) && { maxMessages }),
    ...(Number.isFinite(maxBytes) && { maxBytes: `${maxBytes / 1e6}M` }),
  };
  return { [VARIABLE]: JSON.stringify(said) };
}

/**
 * Streams as the environment has them: it goes before the fleet file.
 * @throws Error that names what can't be used
 */
export function withStreamEnvironment(streams: StreamSpec, environment: Environment): StreamSpec {
  const text = environment[VARIABLE];
  if (text === undefined) return streams;
  const read = StreamsSchema.safeParse(parseJson(text));
  if (read.success) return { ...resolveStreams(read.data), secret: streams.secret };
  const problems = read.error.issues.map(({ path, message }) => {
    return `${[VARIABLE, ...path].join(".")} is wrong in ${show(text)}: ${message}`;
  });
  throw new Error(problems.join("\n"));
}

/** What is no JSON is no object either, which the schema says. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
