/** Signals that come so soon after the first are the same one: programs that wrap others pass one Ctrl-C on a second time. */
export const REPEATED_SIGNAL_MS = 500;

/** Resolves at the first SIGINT or SIGTERM from now on: to be called before anybody is told that it may be sent. */
export function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}

/** Does work that the first SIGINT or SIGTERM brings to an end. Once it is done they end the process again, as ever. */
export async function untilEndSignal<Value>(work: (over: AbortSignal) => Promise<Value>): Promise<Value> {
  const over = new AbortController();
  const end = () => over.abort();
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  try {
    return await work(over.signal);
  } finally {
    process.off("SIGINT", end);
    process.off("SIGTERM", end);
  }
}
