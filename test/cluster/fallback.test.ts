import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { measured } from "./support/measured.js";
import { setMoods } from "./support/moods.js";
import { moody, ordersFor, raiseMoodyFleet } from "./support/moody-fleet.js";
import { eventually } from "./support/waiting.js";

const PRIMARY = moody("moody.fallback.v1", "r1");
const ORDERS = { ...ordersFor(PRIMARY.contract), connections: 2, concurrency: 4 };
/** Of the calls, while the primary goes bad. */
const MOST_FAILED = 0.01;

/** Seconds until the primary answers all calls. */
async function untilPrimaryAnswers(): Promise<number> {
  const healed = Date.now();
  await eventually(
    "the primary answers all calls",
    () => call(LISTED, { ...ORDERS, calls: 100 }),
    ({ revisions }) => revisions.r1 === 100,
  );
  return (Date.now() - healed) / 1000;
}

describe("6 a fallback", function () {
  this.timeout(180_000);
  before(raiseMoodyFleet);
  afterEach(() => setMoods(PRIMARY, {}));

  it("gets no calls while the primary is well", async () => {
    assert.deepEqual((await call(LISTED, { ...ORDERS, calls: 400 })).revisions, { r1: 400 });
  });

  for (const [how, mood] of [
    ["slower than its budget", { delayMs: 400 }],
    ["dead", { failPercent: 100 }],
    ["failing by mistake (INTERNAL)", { failPercent: 100, code: 13 }],
  ] as const) {
    it(`answers when the primary is ${how}, and gives back when it is well`, async function () {
      await setMoods(PRIMARY, mood);
      const { calls, codes, revisions, details } = await call(LISTED, { ...ORDERS, seconds: 8 });
      const failed = calls - (codes.OK ?? 0);
      measured(this, `${failed} of ${calls} failed, r0 answered ${revisions.r0}`);
      assert(failed <= calls * MOST_FAILED, `${failed} of ${calls} failed: ${JSON.stringify(details)}`);
      assert((revisions.r0 ?? 0) > calls / 2, JSON.stringify(revisions));
      await setMoods(PRIMARY, {});
      measured(this, `r1 again after ${(await untilPrimaryAnswers()).toFixed(0)} s`);
    });
  }
});
