import assert from "node:assert/strict";
import { call } from "./support/caller.js";
import { fleet, LISTED, OUTSIDER, ordersFor, STRANGER } from "./support/fleet.js";
import { kubectl } from "./support/kubectl.js";
import { podsOf } from "./support/moody-fleet.js";

const CONTRACT = "stage.split.v1";

describe("identity", function () {
  this.timeout(60_000);

  it("lets a caller in that the fleet file lists", async () => {
    assert.deepEqual((await call(LISTED, { ...ordersFor(CONTRACT), calls: 20 })).codes, { OK: 20 });
  });

  it("keeps one out that it does not, with PERMISSION_DENIED", async () => {
    assert.deepEqual((await call(STRANGER, { ...ordersFor(CONTRACT), calls: 20 })).codes, { PERMISSION_DENIED: 20 });
  });

  it("holds by method: a stream is for those whom it lists alone", async () => {
    const { path, target } = ordersFor("stage.retry.v1", "PredictStream");
    assert.deepEqual((await call(LISTED, { path, target, stream: true, calls: 5 })).codes, { PERMISSION_DENIED: 5 });
    assert.deepEqual((await call(LISTED, { ...ordersFor("stage.retry.v1"), calls: 5 })).codes, { OK: 5 });
  });

  it("answers a path that is none of the contract's with UNIMPLEMENTED, and no pod sees it", async () => {
    const { target } = ordersFor(CONTRACT);
    assert.deepEqual((await call(LISTED, { target, path: "/stage.split.v1.SplitService/Nope", calls: 5 })).codes, {
      UNIMPLEMENTED: 5,
    });
  });

  it("is asked for: whoever speaks plaintext is refused, at the Service and at a pod", async () => {
    const [pod] = await podsOf(fleet, CONTRACT, "r1");
    const address = await kubectl(["get", "pod", pod!, "-n", fleet.namespace, "-o", "jsonpath={.status.podIP}"]);
    const { path, target } = ordersFor(CONTRACT);
    for (const where of [target, `${address}:8500`]) {
      const { codes, details } = await call(OUTSIDER, { path, target: where, calls: 3 });
      assert.deepEqual(codes, { UNAVAILABLE: 3 });
      assert.match(Object.keys(details).join(), /ECONNRESET|Connection dropped|closed/);
    }
  });

  it("does not keep the kubelet from asking for health: every pod is ready", async () => {
    const ready = await kubectl([
      ...["get", "pods", "-n", fleet.namespace, "-o"],
      'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}',
    ]);
    assert.deepEqual([...new Set(ready.trim().split("\n"))], ["True"]);
  });
});
