import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { fleet, LISTED, ordersFor, pathOf } from "./support/fleet.js";
import { type Mood, podsOf, seenBy, setMood } from "./support/moody-fleet.js";

const CONTRACT = "stage.shadow.v1";
const CALLS = 2000;

/** Calls while the shadow is in a mood, and the copies that it saw. */
async function mirrored(mood: Mood) {
  const [pod] = (await podsOf(fleet, CONTRACT, "r2")) as [string];
  await setMood(fleet, pod, mood);
  const seen = async () => (await seenBy(fleet, pod))[pathOf(CONTRACT)] ?? 0;
  const before = await seen();
  const outcome = await call(LISTED, { ...ordersFor(CONTRACT), connections: 2, concurrency: 4, calls: CALLS });
  const copies = (await seen()) - before;
  await setMood(fleet, pod, {});
  return { ...outcome, copies };
}

describe("a shadow", function () {
  this.timeout(120_000);

  it("gets its percentage of copies, and callers never see its answers", async () => {
    const { revisions, copies } = await mirrored({});
    assert.deepEqual(revisions, { r1: CALLS });
    const margin = 3.29 * Math.sqrt(CALLS * 0.2 * 0.8);
    assert(
      Math.abs(copies - CALLS * 0.2) <= margin,
      `${copies} copies of ${CALLS} calls, expected ${CALLS * 0.2} ± ${margin}`,
    );
  });

  for (const [how, mood] of [
    ["fails", { failPercent: 100, code: 13 }],
    ["is slow", { delayMs: 1000 }],
  ] as const) {
    it(`costs callers nothing when it ${how}`, async () => {
      const calm = await mirrored({});
      const { codes, p50Ms } = await mirrored(mood);
      assert.deepEqual(codes, { OK: CALLS });
      assert(p50Ms < 3 * calm.p50Ms + 5, `${p50Ms} ms, calm ${calm.p50Ms} ms`);
    });
  }
});
