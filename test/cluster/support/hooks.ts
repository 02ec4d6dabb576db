import { fleet, LISTED, OUTSIDER, STRANGER } from "./fleet.js";
import { raise, type Stage, strike } from "./stage.js";

const STAGE: Stage = { fleet, callers: [LISTED, STRANGER, OUTSIDER] };

/** The stage is up before the first test and gone after the last, also where somebody interrupts. */
export const mochaHooks = {
  async beforeAll(this: Mocha.Context): Promise<void> {
    this.timeout(300_000);
    process.once("SIGINT", () => void strike(STAGE).finally(() => process.exit(130)));
    await raise(STAGE);
  },
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(120_000);
    await strike(STAGE);
  },
};
