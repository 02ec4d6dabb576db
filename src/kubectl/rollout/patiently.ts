import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "../cluster-error.js";

/** How long a cluster may have its problem. */
const PATIENCE_MS = 300_000;
const PAUSE_MS = 1000;

/**
 * Does work again and again as long as the cluster can't for the moment: it is not reached, a webhook does not answer, or
 * somebody changed the object. A roll-out that gave up then would leave a bad revision its calls.
 * @param work told of the problem that it had the time before
 * @throws whatever else goes wrong, and what still does after five minutes; an AbortError once the signal says so
 */
export async function patiently<Result>(
  { signal }: { readonly signal: AbortSignal },
  work: (problem: ClusterError | undefined) => Promise<Result>,
): Promise<Result> {
  const end = performance.now() + PATIENCE_MS;
  let problem: ClusterError | undefined;
  for (;;) {
    try {
      return await work(problem);
    } catch (error) {
      if (!(error instanceof ClusterError) || !error.passing || performance.now() > end) throw error;
      problem = error;
    }
    await sleep(PAUSE_MS, undefined, { signal });
  }
}
