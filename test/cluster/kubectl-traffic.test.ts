import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { ApiResources } from "../../src/kubectl/api-resources.js";
import { applyTraffic, type Target } from "../../src/kubectl/apply-traffic.js";
import { Cluster } from "../../src/kubectl/cluster.js";
import { observe } from "../../src/kubectl/observe.js";
import { planCanary } from "../../src/kubectl/traffic-plan.js";
import { call, startLoad } from "./support/caller.js";
import { kubectl, tryKubectl } from "./support/kubectl.js";
import { measured } from "./support/measured.js";
import {
  applyRoutes,
  CALLER,
  CONTRACT,
  OPERATED,
  operatedObjects,
  operatedOrders,
  raiseOperatedFleet,
  resetTraffic,
  sharesNow,
} from "./support/operated-fleet.js";
import { completions, flotilla, flotillaOk } from "./support/plugin.js";
import { eventually } from "./support/waiting.js";

async function revisionsOf(calls: number, headers: Record<string, string> = {}) {
  return (await call(CALLER, { ...(await operatedOrders()), calls, headers })).revisions;
}

/** Waits until all calls are answered by one revision. */
function settled(revision: string, headers: Record<string, string> = {}) {
  return eventually(
    `all calls go to ${revision}`,
    () => revisionsOf(40, headers),
    (revisions) => revisions[revision] === 40,
    { withinMs: 15_000 },
  );
}

/** A cluster, as the plugin has it. */
async function withCluster<Result>(work: (target: Target) => Promise<Result>): Promise<Result> {
  const cluster = new Cluster({ context: process.env.CONTEXT || undefined, timeoutMs: 15_000 });
  try {
    return await work({ cluster, resources: new ApiResources(cluster) });
  } finally {
    cluster.close();
  }
}

describe("kubectl flotilla", function () {
  this.timeout(180_000);
  before(raiseOperatedFleet);
  beforeEach(resetTraffic);

  it("canary gives a revision its share of the calls", async function () {
    const printed = await flotillaOk("canary", CONTRACT, "r3", "30", "--yes", "--why", "first try");
    assert.match(printed, /r2 {12}100 → 70\n {2}r3 {12}0 → 30\n/);
    assert.match(printed, /traffic: \{ r2: 70, r3: 30 \}/);
    const { r3 = 0 } = await eventually(
      "r3 has calls",
      () => revisionsOf(1000),
      (seen) => (seen.r3 ?? 0) > 100,
    );
    assert(Math.abs(r3 - 300) < 60, `${r3} of 1000`);
    measured(this, `${r3} of 1 000 at 30%`);
  });

  it("rollback has all calls back within 5 s", async function () {
    // A promise about time: a machine with other work to do may break it once, a fault breaks it each time.
    this.retries(2);
    await flotillaOk("promote", CONTRACT, "r1", "--yes");
    await settled("r1");
    const load = startLoad(CALLER, { ...(await operatedOrders()), connections: 2, concurrency: 2 });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const started = Date.now();
    await flotilla("rollback", "--help");
    // What starting two programs takes is the machine's, and this one has much else to do.
    const startMs = Date.now() - started;
    const began = Date.now();
    await flotillaOk("rollback", CONTRACT, "--yes");
    await settled("r2");
    const { codes, lastAt } = await load.stop();
    const movedMs = lastAt.r1! - began;
    assert(movedMs - startMs < 5000, `${movedMs} ms, of which the start is ${startMs} ms`);
    assert.deepEqual(Object.keys(codes), ["OK"]);
    const last = `the last call to r1 was ${(movedMs / 1e3).toFixed(1)} s after the command began`;
    measured(this, `${last}; starting it takes ${(startMs / 1e3).toFixed(1)} s here`);
  });

  it("shadow copies calls, and off ends it", async () => {
    assert.match(await flotillaOk("shadow", CONTRACT, "r3", "50"), /shadow r3 {5}off → 50%/);
    await eventually(
      "the shadow sees copies",
      async () => {
        await revisionsOf(100);
        const [status] = JSON.parse(await flotillaOk("status", CONTRACT, "-o", "json", "--window", "500ms"));
        return status;
      },
      ({ shadow }) => shadow?.revision === "r3",
    );
    await flotillaOk("shadow", CONTRACT, "r3", "off");
    assert.equal(await sharesNow(), "r2 100");
  });

  it("cohort gives its callers another revision, and off takes it away", async () => {
    const beta = { "x-flotilla-cohort": "beta" };
    await flotillaOk("cohort", CONTRACT, "beta", "r1", "--yes");
    await settled("r1", beta);
    assert.deepEqual(await revisionsOf(20), { r2: 20 });
    await flotillaOk("cohort", CONTRACT, "beta", "off", "--yes");
    await settled("r2", beta);
  });

  it("pin prints the header that leads to a revision", async () => {
    const [name, value] = (await flotillaOk("pin", `${CONTRACT}=r3`)).trim().split(": ");
    assert.deepEqual(await revisionsOf(20, { [name!]: value! }), { r3: 20 });
    assert.match((await flotilla("pin", `${CONTRACT}=r9`)).stderr, /has no revision r9; it has r1, r2, r3, moody/);
  });

  it("changes nothing with --dry-run, and nothing without a person to ask", async () => {
    assert.match(
      await flotillaOk("promote", CONTRACT, "r3", "--dry-run"),
      /The cluster would take it; nothing was changed/,
    );
    const { stderr, exitCode } = await flotilla("promote", CONTRACT, "r3");
    assert.equal(exitCode, 1);
    assert.match(stderr, /Nobody is there to be asked: add --yes/);
    assert.equal(await sharesNow(), "r2 100");
    assert.equal(await flotillaOk("history", CONTRACT), "Nothing was changed with this plugin yet.\n");
  });

  it("remembers who changed what, and why", async () => {
    await flotillaOk("canary", CONTRACT, "r3", "10", "--yes", "--why", "first try");
    await flotillaOk("rollback", CONTRACT, "--yes");
    const [first, second] = JSON.parse(await flotillaOk("history", CONTRACT, "-o", "json"));
    assert.equal(first.from, "r2 100");
    assert.equal(first.to, "r2 90, r3 10");
    assert.equal(first.why, "first try");
    assert.equal(first.who, (await kubectl(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"])).trim());
    assert.deepEqual([second.verb, second.to], ["rollback", "r2 100"]);
  });

  it("tells the second of two operators who change the same, and changes nothing of theirs", () =>
    withCluster(async (target) => {
      const key = { contract: CONTRACT, namespace: OPERATED };
      const [mine, theirs] = [await observe(target, key), await observe(target, key)];
      const author = { at: new Date().toISOString(), why: "", who: "bea" };
      const bea = planCanary(theirs.situation, "r3", 10);
      await applyTraffic(target, { objects: theirs.objects, plan: bea, author, dryRun: false });
      const anna = planCanary(mine.situation, "r1", 20);
      await assert.rejects(
        applyTraffic(target, { objects: mine.objects, plan: anna, author: { ...author, who: "anna" }, dryRun: false }),
        /was changed meanwhile by bea \(canary\): r2 100→90 {2}r3 0→10; nothing of this was applied/,
      );
      assert.equal(await sharesNow(), "r2 90, r3 10");
    }));

  it("has `kubectl apply` refuse to take its weights back silently, and diff show them", async () => {
    await flotillaOk("promote", CONTRACT, "r3", "--yes");
    const routes = (await operatedObjects()).filter(({ kind }) => kind === "VirtualService");
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: routes });
    const { stderr, exitCode } = await tryKubectl(["apply", "--server-side", "-f", "-"], list);
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /conflict with "kubectl-flotilla"/);
    assert.equal(await sharesNow(), "r3 100");
    await applyRoutes();
    assert.equal(await sharesNow(), "r2 100");
  });

  it("names the right that is missing, and the question that looks for it", async () => {
    const user = ["--as", "nobody-in-particular"];
    const config = await kubectl(["config", "view", "--raw", "--minify", "-o", "json"]);
    const file = `${tmpdir()}/flotilla-nobody-${process.pid}.json`;
    const parsed = JSON.parse(config);
    parsed.users[0].user.as = user[1];
    await import("node:fs").then(({ writeFileSync }) => writeFileSync(file, JSON.stringify(parsed), { mode: 0o600 }));
    const { stderr, exitCode } = await flotilla("status", "--kubeconfig", file);
    assert.equal(exitCode, 1);
    // Two kinds are listed at once; whichever answer comes first is the one that is told.
    assert.match(
      stderr,
      /list (\w+)\.networking\.istio\.io: you may not; .*kubectl auth can-i list \1\.networking\.istio\.io -n flotilla-k6-models/,
    );
  });

  it("completes verbs, contracts and revisions", async () => {
    assert((await completions("ro")).includes("rollout"));
    assert((await completions("canary", "-n", OPERATED, "")).includes(CONTRACT));
    assert.deepEqual((await completions("canary", "-n", OPERATED, CONTRACT, "r")).slice(0, 3), ["r1", "r2", "r3"]);
  });
});
