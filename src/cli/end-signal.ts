/** Resolves at the first SIGINT or SIGTERM from now on: to be called before anybody is told that it may be sent. */
export function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}
