import assert from "node:assert/strict";
import { call, startLoad } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { kubectl } from "./support/kubectl.js";
import { measured } from "./support/measured.js";
import { seenBy } from "./support/moods.js";
import { moody, ordersFor, pathOf, raiseMoodyFleet } from "./support/moody-fleet.js";
import { type Pods, podOf, podsOf } from "./support/pods.js";
import { eventually } from "./support/waiting.js";

const SPREAD = moody("moody.breaker.v1", "r1");
const WARM = moody("moody.warm.v1", "r1");
/** Of the warm-up's 20 s: a new pod's share is lower before, and whole again after. */
const WARM_UP_MS = 20_000;

/** Calls of its contract that a pod has seen. */
async function countOf(pods: Pods, pod: string): Promise<number> {
  return (await seenBy(pods, pod))[pathOf(pods.contract)] ?? 0;
}

/** The share of a pod's calls in those of two, while something goes on. */
async function shareOf([one, other]: readonly string[], work: () => Promise<unknown>): Promise<number> {
  const counts = () => Promise.all([countOf(WARM, one!), countOf(WARM, other!)]);
  const before = await counts();
  await work();
  const [mine, others] = (await counts()).map((count, index) => count - before[index]!);
  return mine! / (mine! + others!);
}

async function scale({ namespace }: Pods, workload: string, replicas: number): Promise<void> {
  await kubectl(["scale", "deployment", workload, "-n", namespace, `--replicas=${replicas}`]);
}

function untilPods(pods: Pods, count: number): Promise<string[]> {
  return eventually(
    `${count} pods`,
    () => podsOf(pods),
    ({ length }) => length === count,
  );
}

describe("2 balancing", function () {
  this.timeout(240_000);
  before(raiseMoodyFleet);

  const orders = { ...ordersFor(SPREAD.contract), connections: 1, concurrency: 4 };

  it("gives each of three pods its share of one connection's calls", async function () {
    const pods = await podsOf(SPREAD);
    const before = await Promise.all(pods.map((pod) => countOf(SPREAD, pod)));
    await call(LISTED, { ...orders, calls: 1500 });
    const counts = await Promise.all(pods.map(async (pod, index) => (await countOf(SPREAD, pod)) - before[index]!));
    measured(this, counts.join(", "));
    assert.equal(counts.length, 3);
    for (const count of counts) assert(count > 300 && count < 700, counts.join());
  });

  it("gives a new pod calls of a connection that was there before it", async function () {
    const before = await podsOf(SPREAD);
    const load = startLoad(LISTED, orders);
    await scale(SPREAD, "moody-breaker-v1-r1", 4);
    const pods = await untilPods(SPREAD, 4);
    const [added] = pods.filter((pod) => !before.includes(pod));
    const count = await eventually(
      "the new pod gets calls",
      () => countOf(SPREAD, added!),
      (calls) => calls > 100,
    );
    const { codes, calls } = await load.stop();
    measured(this, `${count} calls reached it`);
    assert.deepEqual(codes, { OK: calls });
    await scale(SPREAD, "moody-breaker-v1-r1", 3);
    await untilPods(SPREAD, 3);
  });

  it("lets a new pod start slowly: its share rises over the warm-up", async function () {
    const old = await podOf(WARM);
    const load = startLoad(LISTED, { ...ordersFor(WARM.contract), connections: 1, concurrency: 4 });
    await scale(WARM, "moody-warm-v1-r1", 2);
    const [added] = (await untilPods(WARM, 2)).filter((pod) => pod !== old);
    const pods = [added!, old];
    await eventually(
      "the new pod gets calls",
      () => countOf(WARM, added!),
      (count) => count > 0,
      { everyMs: 200 },
    );
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const early = await shareOf(pods, () => wait(2000));
    await wait(WARM_UP_MS);
    const late = await shareOf(pods, () => wait(2000));
    const { codes, calls } = await load.stop();
    measured(this, `its share ${(early * 100).toFixed(0)} % at first, ${(late * 100).toFixed(0)} % in the end`);
    assert.deepEqual(codes, { OK: calls });
    assert(early < 0.35, `${early} of the calls at first`);
    assert(late > 0.4 && late < 0.6, `${late} of the calls in the end`);
    await scale(WARM, "moody-warm-v1-r1", 1);
  });
});
