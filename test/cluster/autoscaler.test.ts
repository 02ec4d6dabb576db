import assert from "node:assert/strict";
import { workloadName } from "../../src/fleet/names.js";
import { startLoad } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { get, kubectl } from "./support/kubectl.js";
import { live, liveOrders, MODEL, pin, raiseLiveFleet } from "./support/live-fleet.js";
import { measured } from "./support/measured.js";
import { podsOf } from "./support/pods.js";
import { eventually } from "./support/waiting.js";

const PODS = live(MODEL, "r3");
const AUTOSCALER = ["horizontalpodautoscaler", workloadName(MODEL, "r3"), "-n", PODS.namespace];
/** The fleet's waits five minutes before it takes a pod away; a test does not. */
const QUICK = { stabilizationWindowSeconds: 15, policies: [{ type: "Pods", value: 4, periodSeconds: 15 }] };

interface Autoscaler {
  readonly status: { readonly conditions: readonly { type: string; status: string; message: string }[] };
}

describe("13 the autoscaler", function () {
  this.timeout(400_000);
  before(raiseLiveFleet);

  it("reads the servers' own use of processors", async () => {
    await eventually(
      "the autoscaler is active",
      () => get<Autoscaler>(AUTOSCALER),
      ({ status }) => status.conditions.some(({ type, status: is }) => type === "ScalingActive" && is === "True"),
      { withinMs: 120_000, everyMs: 2000 },
    );
  });

  it("adds pods under load, and takes them away again; no call fails for it", async function () {
    const patch = JSON.stringify({ spec: { behavior: { scaleDown: QUICK } } });
    await kubectl(["patch", ...AUTOSCALER, "--type=merge", "-p", patch]);
    const begun = Date.now();
    const seconds = () => ((Date.now() - begun) / 1000).toFixed(0);
    const orders = { ...(await liveOrders(MODEL)), headers: pin("r3"), concurrency: 3 };
    const load = startLoad(LISTED, orders);
    const count = (what: string, isRight: (pods: number) => boolean) =>
      eventually(what, async () => (await podsOf(PODS)).length, isRight, { withinMs: 150_000, everyMs: 1000 });
    const most = await count("more pods", (pods) => pods > 1);
    measured(this, `${most} pods after ${seconds()} s`);
    const { codes, calls, details } = await load.stop();
    await count("one pod", (pods) => pods === 1);
    measured(this, `1 again after ${seconds()} s`);
    assert.deepEqual(codes, { OK: calls }, JSON.stringify(details));
  });
});
