import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { measured } from "./support/measured.js";
import { type Mood, seenBy, setMood } from "./support/moods.js";
import { moody, ordersFor, pathOf, raiseMoodyFleet } from "./support/moody-fleet.js";
import { podOf } from "./support/pods.js";

const CONTRACT = "moody.retry.v1";
const INVALID_ARGUMENT = 3;

/** Calls in a mood, and how many tries reached the only pod. */
async function triesOf(contract: string, mood: Mood, orders: { calls: number; stream?: boolean }) {
  const method = orders.stream ? "PredictStream" : "Predict";
  const pods = moody(contract, "r1");
  const pod = await podOf(pods);
  await setMood(pods, pod, mood);
  const seen = async () => (await seenBy(pods, pod))[pathOf(contract, method)] ?? 0;
  const before = await seen();
  const outcome = await call(LISTED, { ...ordersFor(contract, method), ...orders });
  const tries = (await seen()) - before;
  await setMood(pods, pod, {});
  return { ...outcome, tries };
}

describe("4 retries", function () {
  this.timeout(120_000);
  before(raiseMoodyFleet);

  it("hide a revision that fails three calls of ten: more than 99.9 % are answered", async function () {
    const { codes, tries } = await triesOf(CONTRACT, { failPercent: 30 }, { calls: 3000 });
    measured(this, `${codes.OK} of 3000 answered by ${tries} tries`);
    assert((codes.OK ?? 0) > 0.999 * 3000, JSON.stringify(codes));
    // 1 / 0.7 tries a call.
    assert(tries > 4000 && tries < 4600, `${tries} tries`);
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
    const { codes, tries } = await triesOf("moody.shadow.v1", { failPercent: 100 }, { calls: 5, stream: true });
    assert.deepEqual([codes, tries], [{ UNAVAILABLE: 5 }, 5]);
  });
});
