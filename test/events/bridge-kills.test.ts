import { HAS_NATS } from "../support/nats-server.js";
import { killWhileEventsFlow } from "./killing.js";

const SEED = Number(process.env.SEED ?? Date.now() % 1e6);

describe("bridge, server and broker, killed at random", () => {
  before(function () {
    if (!HAS_NATS) this.skip();
  });

  it(`give each event one prediction, in the order of its key (SEED=${SEED}; make test-events: 100 000 events)`, async () => {
    await killWhileEventsFlow({ events: 2000, kills: 3, seed: SEED, tell: () => {} });
  }).timeout(300_000);
});
