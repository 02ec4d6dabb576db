/** What has to be undone once the tests are over, or are interrupted. No step needs another. */
const steps: { readonly what: string; readonly undo: () => Promise<unknown> }[] = [];

/**
 * Remembers how to undo what a test is about to do to the cluster.
 * @returns does so at once
 */
export function undoLater(what: string, undo: () => Promise<unknown>): () => Promise<void> {
  const step = { what, undo };
  steps.push(step);
  return async () => {
    const index = steps.indexOf(step);
    if (index < 0) return;
    steps.splice(index, 1);
    await step.undo();
  };
}

/** Undoes everything. What can't be undone is said, and keeps nothing else from it. */
export async function undoAll(): Promise<void> {
  const undone = steps
    .splice(0)
    .map(({ what, undo }) => undo().catch((error: Error) => process.stderr.write(`${what}: ${error.message}\n`)));
  await Promise.all(undone);
}
