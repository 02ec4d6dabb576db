import assert from "node:assert/strict";
import { type Load, startLoad } from "./support/caller.js";
import { get, kubectl, tryKubectl } from "./support/kubectl.js";
import {
  CALLER,
  CONTRACT,
  OPERATED,
  operatedOrders,
  raiseOperatedFleet,
  resetTraffic,
  sharesNow,
} from "./support/operated-fleet.js";
import { flotillaOk } from "./support/plugin.js";

describe("kubectl flotilla rollout --in-cluster", function () {
  this.timeout(300_000);
  before(raiseOperatedFleet);
  before(resetTraffic);

  let load: Load;
  let job: string;
  const account = () => `system:serviceaccount:${OPERATED}:${job}`;
  /** Whether the Job's account may do something. */
  const mayJob = async (...what: string[]) => {
    const { stdout } = await tryKubectl(["auth", "can-i", ...what, "-n", OPERATED, "--as", account()]);
    return stdout.trim() === "yes";
  };
  before(async () => {
    load = startLoad(CALLER, { ...(await operatedOrders()), connections: 2, concurrency: 2, pauseMs: 5 });
  });
  after(() => load.stop());

  it("gives a good revision all calls without anybody's machine, and says as whom", async () => {
    const steps = ["--steps", "20,100", "--interval", "5s", "--min-calls", "50", "--max-error-rate", "5%"];
    const analysis = ["--analysis", "test/cluster/support/analysis.yaml"];
    const printed = await flotillaOk("rollout", CONTRACT, "r3", ...steps, ...analysis, "--yes", "--in-cluster");
    [, job = ""] = /Job flotilla-k6-models\/(acme-tumor-v1-rollout-\w+) judges it now: `kubectl logs -f/.exec(printed)!;
    await kubectl(["wait", `job/${job}`, "-n", OPERATED, "--for=condition=Complete", "--timeout=120s"]);
    assert.equal(await sharesNow(), "r3 100");
    const lines = (await kubectl(["logs", `job/${job}`, "-n", OPERATED])).trim().split("\n");
    const end = JSON.parse(lines.at(-1)!);
    assert.equal(end.kind, "end");
    assert.equal(end.phase, "Succeeded");
    const history = JSON.parse(await flotillaOk("history", CONTRACT, "-o", "json"));
    assert.equal(history.at(-1).who, account());
  });

  it("lets the Job do what it needs, and no more", async () => {
    assert(await mayJob("patch", "virtualservices.networking.istio.io/acme-tumor-v1"));
    assert(await mayJob("create", "pods", "--subresource=portforward"));
    for (const what of [
      ["patch", "virtualservices.networking.istio.io/another"],
      ["delete", "virtualservices.networking.istio.io/acme-tumor-v1"],
      ["get", "secrets"],
      ["create", "pods"],
      ["create", "pods", "--subresource=exec"],
      ["patch", "deployments.apps"],
    ]) {
      assert(!(await mayJob(...what)), what.join(" "));
    }
  });

  it("leaves nothing behind once the Job is gone", async () => {
    await kubectl(["delete", "job", job, "-n", OPERATED]);
    const kinds = "serviceaccounts,roles,rolebindings,networkpolicies,configmaps";
    const end = Date.now() + 60_000;
    let names: string[];
    do {
      const { items } = await get<{ items: { metadata: { name: string } }[] }>([kinds, "-n", OPERATED]);
      names = items.map(({ metadata }) => metadata.name).filter((name) => name === job);
    } while (names.length > 0 && Date.now() < end);
    assert.deepEqual(names, []);
  });
});
