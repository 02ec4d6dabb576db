import { setTimeout as delay } from "node:timers/promises";

/** How something is tried again. */
export interface EventRetries {
  /** Tries after the first. */
  readonly attempts: number;
  /** Before the second try; twice as long before each further one. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/**
 * How long the next try waits: somewhere in the upper half of what it may, so that those who failed together don't come
 * back together.
 * @param failures that there have been; at least one
 */
export function backoffMs({ backoffMs: first, maxBackoffMs }: EventRetries, failures: number): number {
  const longest = Math.min(maxBackoffMs, first * 2 ** Math.min(failures - 1, 30));
  return longest * (0.5 + Math.random() / 2);
}

/** Thrown where a bridge stops: the event goes back to the broker, and another bridge takes it. */
export const STOPPED = Symbol("stopped");

/** Waits. @throws STOPPED once the signal is given */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {
    throw STOPPED;
  });
}
