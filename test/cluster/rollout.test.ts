import assert from "node:assert/strict";
import { workloadName } from "../../src/fleet/names.js";
import { type Calls, startLoad } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { get, kubectl } from "./support/kubectl.js";
import { live, liveOrders, MODEL, pin, raiseLiveFleet } from "./support/live-fleet.js";
import { measured, skip } from "./support/measured.js";
import { podsOf, selectorOf } from "./support/pods.js";
import { untilReady } from "./support/stage.js";
import { undoLater } from "./support/undo.js";
import { eventually } from "./support/waiting.js";

const PODS = live(MODEL, "r1");
const { namespace } = PODS;
const DEPLOYMENT = workloadName(MODEL, "r1");
const CONCURRENCY = 4;
const ISTIOD = ["deployment", "istiod", "-n", "istio-system"];

interface Nodes {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { unschedulable?: boolean };
  }[];
}

async function rolledOut(): Promise<void> {
  await kubectl(["rollout", "status", `deployment/${DEPLOYMENT}`, "-n", namespace, "--timeout=300s"]);
}

async function untilPods(count: number): Promise<void> {
  await eventually(
    `${count} pods`,
    () => podsOf(PODS),
    ({ length }) => length === count,
    { withinMs: 120_000 },
  );
}

/** Waits until those that go are gone, too: they answer on for a while. */
async function untilGone(count: number): Promise<void> {
  await eventually(
    `${count} pods and none that ends`,
    () => get<{ items: object[] }>(["pods", "-n", namespace, "-l", selectorOf(PODS)]),
    ({ items }) => items.length === count,
    { withinMs: 120_000 },
  );
}

/** Constant calls of a real model while something is done to its pods, and some seconds more. */
async function underLoad(work: () => Promise<unknown>): Promise<Calls> {
  const orders = { ...(await liveOrders(MODEL)), headers: pin("r1"), connections: 2, concurrency: CONCURRENCY };
  const load = startLoad(LISTED, orders);
  try {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await work();
    await new Promise((resolve) => setTimeout(resolve, 3000));
  } finally {
    await rolledOut();
  }
  return load.stop();
}

function assertNoneLost(context: Mocha.Context, { calls, codes, details, latency }: Calls): void {
  measured(context, `${calls - (codes.OK ?? 0)} of ${calls} calls failed, the slowest took ${ms(latency.OK?.maxMs)}`);
  assert.deepEqual(codes, { OK: calls }, JSON.stringify(details));
  assert(calls > 100, `${calls} calls`);
}

function ms(value = Number.NaN): string {
  return `${value.toFixed(0)} ms`;
}

describe("9 no call is lost", function () {
  this.timeout(400_000);
  before(raiseLiveFleet);

  it("by `kubectl rollout restart`", async function () {
    assertNoneLost(
      this,
      await underLoad(async () => {
        await kubectl(["rollout", "restart", "deployment", DEPLOYMENT, "-n", namespace]);
        await rolledOut();
      }),
    );
  });

  it("by scaling from one pod to four and back", async function () {
    const scale = (replicas: number) =>
      kubectl(["scale", "deployment", DEPLOYMENT, "-n", namespace, `--replicas=${replicas}`]);
    await scale(1);
    await untilPods(1);
    assertNoneLost(
      this,
      await underLoad(async () => {
        await scale(4);
        await untilPods(4);
        await scale(1);
        await untilPods(1);
        await untilGone(1);
      }),
    );
    await scale(2);
    await rolledOut();
  });

  it("by a pod's deletion", async function () {
    const [pod] = (await podsOf(PODS)) as [string];
    assertNoneLost(this, await underLoad(() => kubectl(["delete", "pod", pod, "-n", namespace])));
  });

  it("by a pod's end without grace, but for those in flight on it", async function () {
    const [pod] = (await podsOf(PODS)) as [string];
    const { calls, codes, details, latency } = await underLoad(() =>
      kubectl(["delete", "pod", pod, "-n", namespace, "--grace-period=0", "--force"]),
    );
    const failed = calls - (codes.OK ?? 0);
    measured(this, `${failed} of ${calls} calls failed, the slowest took ${ms(latency.OK?.maxMs)}`);
    assert(failed <= CONCURRENCY, JSON.stringify(details));
  });

  it("by istiod's restart", async function () {
    assertNoneLost(
      this,
      await underLoad(async () => {
        await kubectl(["rollout", "restart", ...ISTIOD]);
        await kubectl(["rollout", "status", ...ISTIOD, "--timeout=180s"]);
      }),
    );
  });

  it("by a node's drain", async function () {
    const { items } = await get<Nodes>(["nodes"]);
    const nodes = items.filter(({ spec }) => !spec.unschedulable).map(({ metadata }) => metadata.name);
    if (nodes.length < 2) skip(this, "the cluster has one node");
    const [pod] = (await podsOf(PODS)) as [string];
    const node = await kubectl(["get", "pod", pod, "-n", namespace, "-o", "jsonpath={.spec.nodeName}"]);
    const uncordon = undoLater(`uncordoning ${node}`, () => kubectl(["uncordon", node]));
    const flags = ["--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector", `flotilla.dev/contract=${MODEL}`];
    assertNoneLost(this, await underLoad(() => kubectl(["drain", node, ...flags, "--timeout=180s"])));
    await uncordon();
    await untilReady(namespace);
  });
});
