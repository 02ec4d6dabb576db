import { resolveStreams } from "../fleet/resolve-streams.js";
import type { StreamSpec } from "../fleet/spec.js";

/** How a contract's streams are served. */
export interface StreamSettings extends Omit<StreamSpec, "secret"> {
  /** What signs the state that callers keep; undefined: nothing does. */
  readonly key: string | undefined;
}

/** Of what no fleet file speaks of. */
export const DEFAULT_STREAMS: StreamSettings = { ...resolveStreams(), key: undefined };
