import type { RootHookObject } from "mocha";

/** How long what tests began may take to end after the last one. */
const GRACE_MS = 60_000;

/** Ends a run that would wait for ever for what a test has left behind, as one that timed out does, and says so. */
export const mochaHooks: RootHookObject = {
  afterAll() {
    const overdue = setTimeout(() => {
      console.error(`still there after the last test: ${process.getActiveResourcesInfo().join(", ")}`);
      process.on("exit", () => {
        process.exitCode ||= 1;
      });
      process.exit();
    }, GRACE_MS);
    overdue.unref();
  },
};
