import { undoAll } from "./undo.js";

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const UNDO_LIMIT_MS = 300_000;

/** Whatever tests did to the cluster is undone after the last, also where somebody interrupts. */
export const mochaHooks = {
  beforeAll(): void {
    for (const [signal, exitCode] of Object.entries(SIGNALS)) {
      process.once(signal, () => {
        process.stderr.write(`\n${signal}: taking away what the tests made; once more ends at once\n`);
        void undoAll().finally(() => process.exit(exitCode));
      });
    }
  },
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(UNDO_LIMIT_MS);
    await undoAll();
  },
};
