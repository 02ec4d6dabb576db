import type Mocha from "mocha";

const notes = new WeakMap<Mocha.Runnable, string[]>();

/** Notes a figure of the test that runs, for its line in the report: `measured(this, "r2 503 of 5 000")`. */
export function measured({ test }: Mocha.Context, note: string): void {
  if (test === undefined) return;
  notes.set(test, [...(notes.get(test) ?? []), note]);
}

/** What a test has noted; why it was skipped, where that is all. */
export function measuredBy(test: Mocha.Runnable): string {
  return (notes.get(test) ?? []).join("; ");
}

/** Skips the test that runs, and says why. */
export function skip(context: Mocha.Context, why: string): never {
  measured(context, why);
  return context.skip();
}
