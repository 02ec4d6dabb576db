import { Child } from "./child.js";
import type { Kind } from "./kinds.js";

/** How a kind's model is served. */
export interface Serving {
  /** The kind's own batching, or none. */
  readonly batching: boolean;
  readonly processes: number;
}

/** Serves a kind's model from the fleet in `folder`, in a process of its own. */
export function startFlotilla(folder: string, kind: Kind, { batching, processes }: Serving): Promise<Child> {
  const { maxSize, maxDelay } = kind.batching;
  const environment: Record<string, string> = batching
    ? { FLOTILLA_BATCHING_MAX_SIZE: String(maxSize), FLOTILLA_BATCHING_MAX_DELAY: maxDelay }
    : {};
  const args = ["serve", folder, "--only", `${kind.contract}/r1`, "--port", "0", "--metrics-port", "0"];
  const processesOption = processes > 1 ? ["--processes", String(processes)] : [];
  const output = ["--output", "json", "--log-level", "error"];
  return Child.start("src/bin/flotilla.js", [...args, ...processesOption, ...output], environment);
}
