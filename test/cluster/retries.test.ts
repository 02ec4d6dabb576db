import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { fleet, LISTED, ordersFor, pathOf } from "./support/fleet.js";
import { type Mood, podsOf, seenBy, setMood } from "./support/moody-fleet.js";

const CONTRACT = "stage.retry.v1";
const INVALID_ARGUMENT = 3;

/** Calls in a mood, and how many tries reached the only pod. */
async function triesOf(contract: string, mood: Mood, orders: { calls: number; stream?: boolean }) {
  const method = orders.stream ? "PredictStream" : "Predict";
  const [pod] = (await podsOf(fleet, contract, "r1")) as [string];
  await setMood(fleet, pod, mood);
  const seen = async () => (await seenBy(fleet, pod))[pathOf(contract, method)] ?? 0;
  const before = await seen();
  const outcome = await call(LISTED, { ...ordersFor(contract, method), ...orders });
  const tries = (await seen()) - before;
  await setMood(fleet, pod, {});
  return { ...outcome, tries };
}

describe("retries", function () {
  this.timeout(120_000);

  it("hide a revision that fails three calls of ten: more than 99.9 % are answered", async () => {
    const { codes, tries } = await triesOf(CONTRACT, { failPercent: 30 }, { calls: 2000 });
    assert((codes.OK ?? 0) >= 1998, JSON.stringify(codes));
    // 1 / 0.7 tries a call.
    assert(tries > 2600 && tries < 3100, `${tries} tries`);
  });

  it("are bounded: a call that always fails is tried nine times, as the fleet file says", async () => {
    const { codes, tries } = await triesOf(CONTRACT, { failPercent: 100 }, { calls: 20 });
    assert.deepEqual(codes, { UNAVAILABLE: 20 });
    assert.equal(tries, 20 * 9);
  });

  it("leave INVALID_ARGUMENT alone", async () => {
    const { codes, tries } = await triesOf(CONTRACT, { failPercent: 100, code: INVALID_ARGUMENT }, { calls: 20 });
    assert.deepEqual([codes, tries], [{ INVALID_ARGUMENT: 20 }, 20]);
  });

  it("leave streams alone", async () => {
    const { codes, tries } = await triesOf("stage.shadow.v1", { failPercent: 100 }, { calls: 5, stream: true });
    assert.deepEqual([codes, tries], [{ UNAVAILABLE: 5 }, 5]);
  });
});
