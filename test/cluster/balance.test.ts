import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { fleet, LISTED, ordersFor, pathOf } from "./support/fleet.js";
import { kubectl } from "./support/kubectl.js";
import { podsOf, seenBy, setMood } from "./support/moody-fleet.js";
import { eventually } from "./support/waiting.js";

const CONTRACT = "stage.breaker.v1";
const WORKLOAD = "stage-breaker-v1-r1";
const ORDERS = { ...ordersFor(CONTRACT), connections: 1, concurrency: 4 };

/** Calls seen by each pod while something is done. */
async function shares(work: () => Promise<unknown>): Promise<Map<string, number>> {
  const pods = await podsOf(fleet, CONTRACT, "r1");
  const seen = async (pod: string) => (await seenBy(fleet, pod))[pathOf(CONTRACT)] ?? 0;
  const before = await Promise.all(pods.map(seen));
  await work();
  const after = await Promise.all(pods.map(seen));
  return new Map(pods.map((pod, index) => [pod, after[index]! - before[index]!]));
}

describe("balancing", function () {
  this.timeout(180_000);

  it("gives each of three pods its share of one connection's calls", async () => {
    const counts = [...(await shares(() => call(LISTED, { ...ORDERS, calls: 1500 }))).values()];
    assert.equal(counts.length, 3);
    for (const count of counts) assert(count > 300 && count < 700, counts.join());
  });

  it("gives a new pod calls of a connection that was there before it", async () => {
    const load = call(LISTED, { ...ORDERS, seconds: 25 });
    await kubectl(["scale", "deployment", WORKLOAD, "-n", fleet.namespace, "--replicas", "4"]);
    const pods = await eventually(
      "a fourth pod",
      () => podsOf(fleet, CONTRACT, "r1"),
      ({ length }) => length === 4,
    );
    const { codes, calls } = await load;
    assert.deepEqual(codes, { OK: calls });
    const counts = await Promise.all(pods.map(async (pod) => (await seenBy(fleet, pod))[pathOf(CONTRACT)] ?? 0));
    assert(
      counts.every((count) => count > 100),
      counts.join(),
    );
    await kubectl(["scale", "deployment", WORKLOAD, "-n", fleet.namespace, "--replicas", "3"]);
    await eventually(
      "three pods",
      () => podsOf(fleet, CONTRACT, "r1"),
      ({ length }) => length === 3,
    );
  });

  it("ejects a pod that fails, and takes it back when it is well", async () => {
    const [bad] = (await podsOf(fleet, CONTRACT, "r1")) as [string];
    // Envoy joins changes of who is well within a second: one just before would delay this one.
    await call(LISTED, { ...ORDERS, seconds: 2 });
    await setMood(fleet, bad, { failPercent: 100 });
    const failing = await call(LISTED, { ...ORDERS, seconds: 4 });
    const failed = failing.calls - (failing.codes.OK ?? 0);
    // Three in a row eject it, and it is tried again after 5 s at the earliest.
    assert(failed > 0 && failed <= 8, `${failed} of ${failing.calls} failed`);
    await setMood(fleet, bad, {});
    await eventually(
      "the pod gets calls again",
      async () => (await shares(() => call(LISTED, { ...ORDERS, calls: 300 }))).get(bad) ?? 0,
      (count) => count > 30,
      { withinMs: 40_000 },
    );
  });

  it("refuses calls beyond what may be open at once, quickly", async () => {
    const pods = await podsOf(fleet, CONTRACT, "r1");
    for (const pod of pods) await setMood(fleet, pod, { delayMs: 300 });
    const { codes, p99Ms } = await call(LISTED, { ...ORDERS, connections: 4, concurrency: 60, seconds: 3 });
    for (const pod of pods) await setMood(fleet, pod, {});
    assert((codes.OK ?? 0) > 0 && (codes.UNAVAILABLE ?? 0) > 0, JSON.stringify(codes));
    assert.deepEqual(Object.keys(codes).sort(), ["OK", "UNAVAILABLE"]);
    assert(p99Ms < 1500, `${p99Ms} ms`);
  });
});
