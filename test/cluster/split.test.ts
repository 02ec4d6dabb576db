import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { fleet, LISTED, ordersFor } from "./support/fleet.js";
import { get, kubectl } from "./support/kubectl.js";
import { eventually } from "./support/waiting.js";

const CONTRACT = "stage.split.v1";
const SERVICE = "stage-split-v1";
const ORDERS = { ...ordersFor(CONTRACT), connections: 3, concurrency: 6 };
/** 99.9 % of a normal distribution lie within so many standard deviations. */
const DEVIATIONS = 3.29;

interface VirtualService {
  readonly spec: { readonly http: { name: string; route: { destination: { subset: string }; weight?: number }[] }[] };
}

/** Gives r2 a share, as an operator would: `kubectl patch` on all routes that split the traffic. */
async function setWeight(percent: number): Promise<void> {
  const { spec } = await get<VirtualService>(["virtualservice", SERVICE, "-n", fleet.namespace]);
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
  const patch = JSON.stringify({ spec: { http: spec.http } });
  await kubectl(["patch", "virtualservice", SERVICE, "-n", fleet.namespace, "--type", "merge", "-p", patch]);
}

describe("weights", function () {
  this.timeout(180_000);

  it("split 5 000 calls on three connections as the fleet file says, within the 99.9 % interval", async () => {
    const { codes, revisions } = await call(LISTED, { ...ORDERS, calls: 5000 });
    assert.deepEqual(codes, { OK: 5000 });
    const expected = 5000 * 0.1;
    const margin = DEVIATIONS * Math.sqrt(5000 * 0.1 * 0.9);
    assert(
      Math.abs((revisions.r2 ?? 0) - expected) <= margin,
      `${revisions.r2} of 5 000, expected ${expected} ± ${margin}`,
    );
  });

  it("hold within 10 s of kubectl patch", async () => {
    await setWeight(100);
    await eventually(
      "all calls go to r2",
      () => call(LISTED, { ...ORDERS, calls: 50 }),
      ({ revisions }) => revisions.r2 === 50,
      { withinMs: 10_000 },
    );
  });

  it("change ten times under load, and no call fails", async () => {
    const load = call(LISTED, { ...ORDERS, seconds: 20 });
    for (const percent of [10, 50, 90, 0, 100, 25, 75, 5, 95, 10]) {
      await setWeight(percent);
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    const { codes, calls } = await load;
    assert.deepEqual(codes, { OK: calls });
    assert(calls > 1000, `${calls} calls`);
  });

  it("give way to a cohort's header and to a pin, for its own contract alone", async () => {
    const to = async (headers: Record<string, string>) =>
      (await call(LISTED, { ...ORDERS, headers, calls: 100 })).revisions;
    assert.deepEqual(await to({ "x-flotilla-cohort": "beta" }), { r2: 100 });
    assert.deepEqual(await to({ "x-flotilla-pin": `acme.other.v1=r9, ${CONTRACT}=r1` }), { r1: 100 });
    assert.deepEqual(await to({ "x-flotilla-pin": `${CONTRACT}=r2`, "x-flotilla-cohort": "beta" }), { r2: 100 });
    const others = await to({ "x-flotilla-pin": `other.${CONTRACT}=r2` });
    assert((others.r1 ?? 0) > 50, JSON.stringify(others));
  });
});
