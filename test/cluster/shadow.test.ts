import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { binomial } from "./support/chance.js";
import { measured } from "./support/measured.js";
import { type Mood, seenBy, setMood } from "./support/moods.js";
import { moody, ordersFor, pathOf, raiseMoodyFleet } from "./support/moody-fleet.js";
import { podOf } from "./support/pods.js";

const SHADOW = moody("moody.shadow.v1", "r2");
const CALLS = 2000;

/** Calls while the shadow is in a mood, and the copies that it saw. */
async function mirrored(mood: Mood) {
  const pod = await podOf(SHADOW);
  await setMood(SHADOW, pod, mood);
  const seen = async () => (await seenBy(SHADOW, pod))[pathOf(SHADOW.contract)] ?? 0;
  const before = await seen();
  const orders = { ...ordersFor(SHADOW.contract), connections: 2, concurrency: 4, calls: CALLS };
  const outcome = await call(LISTED, orders);
  const copies = (await seen()) - before;
  await setMood(SHADOW, pod, {});
  return { ...outcome, copies };
}

describe("7 a shadow", function () {
  this.timeout(120_000);
  before(raiseMoodyFleet);

  it("gets its percentage of copies, and callers never see its answers", async function () {
    const { revisions, copies } = await mirrored({});
    const { least, most } = binomial(CALLS, 0.2);
    measured(this, `${copies} copies of ${CALLS} calls, expected ${least} to ${most}`);
    assert.deepEqual(revisions, { r1: CALLS });
    assert(copies >= least && copies <= most, `${copies} copies`);
  });

  for (const [how, mood] of [
    ["fails", { failPercent: 100, code: 13 }],
    ["is slow", { delayMs: 1000 }],
  ] as const) {
    it(`costs callers nothing when it ${how}`, async function () {
      // A promise about time: a machine with other work to do may break it once, a fault breaks it each time.
      this.retries(2);
      const calm = (await mirrored({})).latency.OK!;
      const { codes, latency } = await mirrored(mood);
      const { p50Ms } = latency.OK!;
      measured(this, `p50 ${p50Ms.toFixed(1)} ms, calm ${calm.p50Ms.toFixed(1)} ms`);
      assert.deepEqual(codes, { OK: CALLS });
      assert(p50Ms < 2 * calm.p50Ms + 5, `${p50Ms} ms, calm ${calm.p50Ms} ms`);
    });
  }
});
