import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { binomial } from "./support/chance.js";
import { FRONT, live, liveOrders, MIDDLE, MODEL, pin, raiseLiveFleet } from "./support/live-fleet.js";
import { measured } from "./support/measured.js";
import { ordersFor, raiseMoodyFleet } from "./support/moody-fleet.js";
import { askProgram, podOf } from "./support/pods.js";

const CONTRACT = "moody.split.v1";
const CALLS = 5000;

/** Revisions of the model that answered the relay since the last time. */
async function revisionsSeen(): Promise<Record<string, number>> {
  const pod = await podOf(live(MIDDLE));
  const hops = await askProgram<{ revision?: string }[]>({ ...live(MIDDLE), pod });
  const counts: Record<string, number> = {};
  for (const { revision = "none" } of hops) counts[revision] = (counts[revision] ?? 0) + 1;
  return counts;
}

describe("8 cohorts and pins", function () {
  this.timeout(120_000);
  before(raiseMoodyFleet);
  before(raiseLiveFleet);

  const answers = async (headers: Record<string, string>) =>
    (await call(LISTED, { ...ordersFor(CONTRACT), headers, calls: 100 })).revisions;

  it("give a cohort's calls to its revision", async () => {
    assert.deepEqual(await answers({ "x-flotilla-cohort": "beta" }), { r2: 100 });
  });

  it("split a cohort's calls as the fleet file says, within the 99.9 % interval", async function () {
    const headers = { "x-flotilla-cohort": "half" };
    const order = { ...ordersFor(CONTRACT), connections: 3, concurrency: 6, headers, calls: CALLS };
    const { codes, revisions } = await call(LISTED, order);
    const { least, most } = binomial(CALLS, 0.6);
    const { r2 = 0 } = revisions;
    measured(this, `r2 ${r2} of ${CALLS}, expected ${least} to ${most}`);
    assert.deepEqual(codes, { OK: CALLS });
    assert(r2 >= least && r2 <= most, `r2 ${r2} of ${CALLS}, expected ${least} to ${most}`);
  });

  it("give a pinned call to its revision, whatever its cohort and share", async () => {
    assert.deepEqual(await answers({ "x-flotilla-pin": `acme.other.v1=r9, ${CONTRACT}=r1` }), { r1: 100 });
    assert.deepEqual(await answers({ "x-flotilla-pin": `${CONTRACT}=r1`, "x-flotilla-cohort": "beta" }), { r1: 100 });
  });

  it("leave the calls of others to the weights", async () => {
    const { r1 = 0 } = await answers({ "x-flotilla-pin": `other.${CONTRACT}=r2` });
    assert(r1 > 50, `${r1} of 100`);
  });

  for (const [services, contract] of [
    [2, MIDDLE],
    [3, FRONT],
  ] as const) {
    it(`hold a pin over a chain of ${services} services, to a real model`, async function () {
      const orders = await liveOrders(contract);
      await revisionsSeen();
      const unpinned = await call(LISTED, { ...orders, calls: 100 });
      assert.deepEqual(unpinned.codes, { OK: 100 }, JSON.stringify(unpinned.details));
      const before = await revisionsSeen();
      measured(this, `without a pin ${JSON.stringify(before)}`);
      assert((before.r1 ?? 0) > 0 && (before.r2 ?? 0) > 0, JSON.stringify(before));
      for (const revision of ["r2", "r3"]) {
        await call(LISTED, { ...orders, headers: pin(revision), calls: 100 });
        assert.deepEqual(await revisionsSeen(), { [revision]: 100 }, `pinned to ${MODEL}=${revision}`);
      }
    });
  }
});
