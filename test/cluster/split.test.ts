import assert from "node:assert/strict";
import { call, startLoad } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { binomial } from "./support/chance.js";
import { get, kubectl } from "./support/kubectl.js";
import { measured } from "./support/measured.js";
import { moody, ordersFor, raiseMoodyFleet } from "./support/moody-fleet.js";
import { eventually } from "./support/waiting.js";

const CONTRACT = "moody.split.v1";
const { namespace } = moody(CONTRACT);
const OBJECT = ["virtualservice", "moody-split-v1", "-n", namespace];
const ORDERS = { ...ordersFor(CONTRACT), connections: 3, concurrency: 6 };
const CALLS = 5000;

interface VirtualService {
  readonly spec: { readonly http: { name: string; route: { destination: { subset: string }; weight?: number }[] }[] };
}

/** Gives r2 a share, as an operator would: `kubectl patch` on all routes that split the traffic. */
async function setWeight(percent: number): Promise<void> {
  const { spec } = await get<VirtualService>(OBJECT);
  for (const { name, route } of spec.http) {
    if (!name.startsWith("default-")) continue;
    const [destination] = route;
    const to = (subset: string, weight: number) => ({
      ...destination!,
      destination: { ...destination!.destination, subset },
      weight,
    });
    route.splice(0, route.length, to("r1", 100 - percent), to("r2", percent));
  }
  await kubectl(["patch", ...OBJECT, "--type", "merge", "-p", JSON.stringify({ spec: { http: spec.http } })]);
}

describe("1 weights", function () {
  this.timeout(180_000);
  before(raiseMoodyFleet);

  it("split 5 000 calls on three connections as the fleet file says, within the 99.9 % interval", async function () {
    const { codes, revisions } = await call(LISTED, { ...ORDERS, calls: CALLS });
    const { least, most } = binomial(CALLS, 0.1);
    const { r2 = 0 } = revisions;
    measured(this, `r2 ${r2} of ${CALLS}, expected ${least} to ${most}`);
    assert.deepEqual(codes, { OK: CALLS });
    assert(r2 >= least && r2 <= most);
  });

  it("hold within 10 s of kubectl patch", async function () {
    const patched = Date.now();
    await setWeight(100);
    await eventually(
      "all calls go to r2",
      () => call(LISTED, { ...ORDERS, calls: 50 }),
      ({ revisions }) => revisions.r2 === 50,
      { withinMs: 10_000 },
    );
    measured(this, `seen after ${((Date.now() - patched) / 1000).toFixed(1)} s`);
  });

  it("change ten times under load, and no call fails", async function () {
    const load = startLoad(LISTED, ORDERS);
    for (const percent of [10, 50, 90, 0, 100, 25, 75, 5, 95, 10]) {
      await setWeight(percent);
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    const { codes, calls } = await load.stop();
    measured(this, `${calls} calls`);
    assert.deepEqual(codes, { OK: calls });
    assert(calls > 1000, `${calls} calls`);
  });
});
