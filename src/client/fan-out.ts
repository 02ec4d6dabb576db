import { CallError } from "./call-error.js";

/** What became of one part: its result, or the call that failed for it. */
export type Part<Result> =
  | { readonly ok: true; readonly value: Result }
  | { readonly ok: false; readonly error: CallError };

/** How work fans out. */
export interface FanOutOptions {
  /** Parts at work at the same time. @default 8 */
  readonly limit?: number | undefined;
  /** Once aborted, no further part is begun. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_LIMIT = 8;

/**
 * Does work for each item, some at a time; the parts are in the items' order. A call that fails is a part that is
 * missing, and the others go on. Any other error is the code's own and ends all: no further part is begun.
 * @throws whatever `work` threw that is no CallError; the signal's reason once it is aborted
 */
export async function fanOut<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
  { limit = DEFAULT_LIMIT, signal }: FanOutOptions = {},
): Promise<Part<Result>[]> {
  const parts: Part<Result>[] = new Array(items.length);
  const waiting = items.entries();
  let broken = false;
  const worker = async () => {
    // The workers take from one iterator, so that each item is one worker's.
    for (const [index, item] of waiting) {
      if (broken) return;
      signal?.throwIfAborted();
      try {
        parts[index] = { ok: true, value: await work(item, index) };
      } catch (error) {
        if (error instanceof CallError) parts[index] = { ok: false, error };
        else {
          broken = true;
          throw error;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(Math.max(1, limit), items.length) }, worker));
  signal?.throwIfAborted();
  return parts;
}
