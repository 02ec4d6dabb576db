import assert from "node:assert/strict";
import { startLoad } from "./support/caller.js";
import { kubectl } from "./support/kubectl.js";
import { CALLER, CONTRACT, operatedOrders, raiseOperatedFleet, resetTraffic } from "./support/operated-fleet.js";
import { flotilla, flotillaOk } from "./support/plugin.js";

describe("kubectl flotilla inventory and status", function () {
  this.timeout(180_000);
  before(raiseOperatedFleet);
  before(resetTraffic);

  it("list each model with what the pods themselves have", async () => {
    const { models, sources } = JSON.parse(await flotillaOk("inventory", "-o", "json"));
    const r2 = models.find(({ revision }: { revision: string }) => revision === "r2");
    const selector = "flotilla.dev/revision=r2";
    const jsonpath = "jsonpath={.items[0].metadata.annotations.flotilla\\.dev/model-digest}";
    const digest = await kubectl(["get", "pods", "-n", "flotilla-k6-models", "-l", selector, "-o", jsonpath]);
    assert.deepEqual(r2.digests, [digest]);
    assert.equal(r2.owner, "pathology");
    assert.match(r2.purpose, /second look/);
    assert.deepEqual(r2.callers, ["flotilla-k6-callers/listed"]);
    assert.equal(r2.weight, 100);
    assert.deepEqual(
      Object.keys(r2).filter((field) => !(field in sources)),
      [],
    );
    const markdown = await flotillaOk("inventory", "-o", "md");
    assert.match(markdown, /## acme.tumor.v1 r2\n[\s\S]*\| Licence \| \*\*missing\*\* \|[\s\S]*## Sources/);
  });

  it("say what each revision answers, in weight and in truth, and within 80 columns", async () => {
    await flotillaOk("canary", CONTRACT, "r3", "30", "--yes");
    const load = startLoad(CALLER, { ...(await operatedOrders()), connections: 2, concurrency: 2 });
    try {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const [status] = JSON.parse(await flotillaOk("status", CONTRACT, "-o", "json"));
      const [r2, r3] = ["r2", "r3"].map((name) =>
        status.revisions.find(({ revision }: { revision: string }) => revision === name),
      );
      assert.deepEqual([r2.role, r2.weight, r3.role, r3.weight], ["stable", 70, "canary", 30]);
      assert(r3.seen > 20 && r3.seen < 40, `seen ${r3.seen}`);
      assert(r2.rate > 0 && r2.errors === 0 && r2.p50 <= r2.p99);
      const text = await flotillaOk("status", CONTRACT);
      assert.match(text, / {2}r3 +canary +1\/1 +30% +\d+(\.\d+)?% +\d/);
      assert(
        text.split("\n").every((line) => line.length <= 80),
        text,
      );
      assert.match(await flotillaOk("status", CONTRACT, "-o", "yaml"), /revision: r3/);
    } finally {
      await load.stop();
    }
  });

  it("say where to look for a contract that is not there", async () => {
    const { stderr, exitCode } = await flotilla("canary", "acme.nothing.v1", "r2", "5");
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /no contract acme.nothing.v1 in namespace flotilla-k6-models; the cluster has .*acme.tumor.v1/,
    );
  });
});
