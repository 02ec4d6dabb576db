import assert from "node:assert/strict";
import { decide, type Look } from "../../../src/kubectl/rollout/decide.js";
import { figures, rolloutOf, window } from "../../support/rollouts.js";

const GOOD = window(figures({ calls: 9000 }), figures({ calls: 1000 }));
const FEW = window(figures({ calls: 9000 }), figures({ calls: 10 }));
const BAD = window(figures({ calls: 9000 }), figures({ calls: 1000, failed: 100 }));
const look: Look = {
  rollout: rolloutOf(),
  figures: GOOD,
  elapsedMs: 60_000,
  pods: { revision: "r2", ready: 1, wanted: 1 },
  restarts: 0,
};

describe("decide()", () => {
  for (const [what, given, action] of [
    ["waits while a good step lasts", { elapsedMs: 59_000 }, "wait"],
    ["goes on after it", {}, "advance"],
    ["ends with the last step", { rollout: rolloutOf({ step: 2 }) }, "succeed"],
    ["goes back in the midst of a bad step", { figures: BAD, elapsedMs: 2000 }, "back"],
    ["waits for calls beyond the step's time", { figures: FEW, elapsedMs: 600_000 }, "wait"],
    ["goes back when its patience is over", { figures: FEW, elapsedMs: 660_000 }, "back"],
    ["goes back where no pod is ready any more", { pods: { revision: "r2", ready: 0, wanted: 2 } }, "back"],
    ["goes back where a server died, though the calls that it answered were good", { restarts: 1 }, "back"],
  ] as const) {
    it(what, () => assert.equal(decide({ ...look, ...given }).action, action));
  }

  it("says why it goes back, and at which share", () => {
    assert.match(decide({ ...look, figures: BAD }).why, /^r2 failed 10% .* \(at 10%\)$/);
    assert.match(decide({ ...look, restarts: 2 }).why, /^the server of r2 died 2 times \(at 10%\)$/);
    assert.match(
      decide({ ...look, figures: FEW, elapsedMs: 660_000 }).why,
      /^nothing to go by after 660 s: r2 answered 10 calls/,
    );
  });
});
