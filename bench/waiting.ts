/**
 * How long calls take that come to one runner, which takes them one after the other and nothing else: each waits until those
 * before it are done. What a model alone has at a rate, however little is around it.
 * @param runMs of each run, in their order
 * @param gapMs time between a call and the next; drawn once for each
 * @see D. V. Lindley, "The theory of queues with a single server", 1952: w' = max(0, w + s - t)
 */
export function latenciesAlone(runMs: readonly number[], gapMs: () => number): number[] {
  let waitMs = 0;
  return runMs.map((ms) => {
    const latencyMs = waitMs + ms;
    waitMs = Math.max(0, latencyMs - gapMs());
    return latencyMs;
  });
}
