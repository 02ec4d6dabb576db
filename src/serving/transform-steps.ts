/** A step of a transform was not done in time. */
export class LateStepError extends Error {
  /** Whether it is over with the deadline of those who wait for it, rather than with what steps may take. */
  readonly atDeadline: boolean;

  constructor(message: string, atDeadline: boolean) {
    super(message);
    this.atDeadline = atDeadline;
  }
}

/** How long a step may take. */
export interface StepLimits {
  readonly limitMs: number;
  /** Epoch milliseconds after which nobody waits for what comes of it; Infinity for never. */
  readonly notAfterMs: number;
}

/**
 * What comes of a step. A promise that never settles would hold the worker, and all calls behind it, for ever.
 * @param name for the message
 * @throws LateStepError, and what the step throws
 */
export async function settled<Value>(
  step: Promise<Value> | Value,
  name: string,
  { limitMs, notAfterMs }: StepLimits,
): Promise<Value> {
  if (!(step instanceof Promise)) return step;
  const restMs = Math.max(0, notAfterMs - Date.now());
  const timeMs = Math.min(limitMs, restMs);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const message = `${name} did not settle within ${timeMs} ms`;
    timer = setTimeout(() => reject(new LateStepError(message, restMs < limitMs)), timeMs);
  });
  try {
    return await Promise.race([step, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What comes of work that is done at the same time, without what is not done `graceMs` after the first of it. One alone is
 * waited for.
 * @param work must not reject
 * @returns undefined for what was left behind
 */
export async function withoutStragglers<Value>(
  work: readonly Promise<Value>[],
  graceMs: number,
): Promise<(Value | undefined)[]> {
  if (work.length === 1) return [await work[0]];
  const done: (Value | undefined)[] = work.map(() => undefined);
  const all = Promise.all(
    work.map(async (part, index) => {
      done[index] = await part;
    }),
  );
  let timer: NodeJS.Timeout | undefined;
  const grace = async () => {
    await Promise.race(work);
    await new Promise((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
  };
  await Promise.race([all, grace()]);
  clearTimeout(timer);
  return [...done];
}
