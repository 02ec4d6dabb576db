import type Mocha from "mocha";

const notes = new WeakMap<Mocha.Runnable, string[]>();

/** Notes a figure of the test that runs, for its line in the report: `measured(this, "r2 503 of 5 000")`. */
export function measured({ test }: Mocha.Context, note: string): void {
  if (test !== undefined) remember(test, note);
}

function remember(test: Mocha.Runnable, note: string): void {
  notes.set(test, [...(notes.get(test) ?? []), note]);
}

/** What a test has noted; why it was skipped, where that is all. */
export function measuredBy(test: Mocha.Runnable): string {
  return (notes.get(test) ?? []).join("; ");
}

/** Skips the test that runs, or in a hook all tests of its suite, and says why. */
export function skip(context: Mocha.Context, why: string): never {
  const runs = context.test as Mocha.Test | Mocha.Hook;
  const skipped = runs.type === "hook" ? (runs.parent?.tests ?? []) : [runs];
  for (const one of skipped) remember(one, why);
  return context.skip();
}
