import { BROKERS } from "./brokers.js";
import { killWhileEventsFlow } from "./killing.js";

const SEED = Number(process.env.SEED ?? Date.now() % 1e6);

for (const kind of BROKERS) {
  describe(`bridge, server and ${kind.name}, killed at random`, () => {
    before(function () {
      if (!kind.isThere) this.skip();
    });

    it(`give each event one prediction, in the order of its key (SEED=${SEED}; make test-events: 100 000 events)`, async () => {
      await killWhileEventsFlow({ kind, events: 2000, kills: 3, seed: SEED, tell: () => {} });
    }).timeout(300_000);
  });
}
