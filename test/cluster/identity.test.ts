import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { LISTED, OUTSIDER, STRANGER } from "./support/callers.js";
import { kubectl } from "./support/kubectl.js";
import { moody, ordersFor, raiseMoodyFleet } from "./support/moody-fleet.js";
import { podOf } from "./support/pods.js";

const PODS = moody("moody.split.v1", "r1");
const ORDERS = ordersFor(PODS.contract);

describe("3 identity", function () {
  this.timeout(60_000);
  before(raiseMoodyFleet);

  it("lets a caller in that the fleet file lists", async () => {
    assert.deepEqual((await call(LISTED, { ...ORDERS, calls: 20 })).codes, { OK: 20 });
  });

  it("keeps one out that it does not, with PERMISSION_DENIED", async () => {
    assert.deepEqual((await call(STRANGER, { ...ORDERS, calls: 20 })).codes, { PERMISSION_DENIED: 20 });
  });

  it("holds by method: a stream is for those whom it lists alone", async () => {
    const stream = { ...ordersFor("moody.retry.v1", "PredictStream"), stream: true, calls: 5 };
    assert.deepEqual((await call(LISTED, stream)).codes, { PERMISSION_DENIED: 5 });
    assert.deepEqual((await call(LISTED, { ...ordersFor("moody.retry.v1"), calls: 5 })).codes, { OK: 5 });
  });

  it("answers a path that is none of the contract's with UNIMPLEMENTED, and no pod sees it", async () => {
    const nope = { target: ORDERS.target, path: "/moody.split.v1.SplitService/Nope", calls: 5 };
    assert.deepEqual((await call(LISTED, nope)).codes, { UNIMPLEMENTED: 5 });
  });

  it("is asked for: whoever speaks plaintext is refused, at the Service and at a pod", async () => {
    const at = ["get", "pod", await podOf(PODS), "-n", PODS.namespace, "-o", "jsonpath={.status.podIP}"];
    const address = await kubectl(at);
    for (const target of [ORDERS.target, `${address}:8500`]) {
      const { codes, details } = await call(OUTSIDER, { ...ORDERS, target, calls: 3 });
      assert.deepEqual(codes, { UNAVAILABLE: 3 });
      assert.match(Object.keys(details).join(), /ECONNRESET|Connection dropped|closed/);
    }
  });

  it("does not keep the kubelet from asking for health: every pod is ready, and none was restarted for it", async () => {
    const states = await kubectl([
      ...["get", "pods", "-n", PODS.namespace, "-o"],
      'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[*].restartCount}{"\\n"}{end}',
    ]);
    for (const state of states.trim().split("\n")) assert.match(state, /^True( 0)+$/);
  });
});
