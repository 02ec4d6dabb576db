const SHORTEST_MS = 1;

/** A duration as Istio's objects state it, in seconds: `0.2s`. Nothing there may be shorter than 1 ms. */
export function toDuration(durationMs: number): string {
  return `${Math.max(SHORTEST_MS, Math.round(durationMs)) / 1000}s`;
}
