import assert from "node:assert/strict";
import { type Load, startLoad } from "./support/caller.js";
import { measured } from "./support/measured.js";
import { setMoods } from "./support/moods.js";
import {
  applyRoutes,
  CALLER,
  CONTRACT,
  MOODY,
  operated,
  operatedOrders,
  raiseOperatedFleet,
  resetTraffic,
  sharesNow,
} from "./support/operated-fleet.js";
import { flotilla, flotillaOk, PluginRun } from "./support/plugin.js";

/** Short steps, and limits that a busy machine keeps: what is tried is the loop, not the models. */
const STEPS = ["--steps", "20,50,100", "--interval", "5s", "--min-calls", "50", "--patience", "60s"];
const LIMITS = ["--max-error-rate", "5%", "--max-p99", "1s", "--analysis", "test/cluster/support/analysis.yaml"];
const rollout = (revision: string, ...more: string[]) => {
  return ["rollout", CONTRACT, revision, ...STEPS, ...LIMITS, "--yes", ...more];
};

let loads: Load[] = [];

async function load(): Promise<Load> {
  const started = startLoad(CALLER, { ...(await operatedOrders()), connections: 2, concurrency: 2, pauseMs: 5 });
  loads.push(started);
  return started;
}

describe("kubectl flotilla rollout", function () {
  this.timeout(300_000);
  before(raiseOperatedFleet);
  beforeEach(resetTraffic);
  afterEach(async () => {
    // A test that failed has left its load running.
    await Promise.all(loads.map((one) => one.stop().catch(() => undefined)));
    loads = [];
  });

  it("gives a good revision all calls, step by step, and no call fails", async function () {
    const calls = await load();
    const { stdout, exitCode } = await flotilla(...rollout("r3"));
    const { codes, revisions } = await calls.stop();
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /✓ r3 passes its golden cases/);
    assert.match(stdout, /20% is good: .*\n[\s\S]*50% is good: .*\n[\s\S]*r3 has all calls/);
    assert.match(stdout, /traffic: \{ r3: 100 \}/);
    assert.equal(await sharesNow(), "r3 100");
    assert.deepEqual(Object.keys(codes), ["OK"]);
    measured(this, `${revisions.r2} calls to r2 and ${revisions.r3} to r3 meanwhile`);
  });

  it("takes one that begins to fail back at once, and few calls failed", async function () {
    const calls = await load();
    const run = new PluginRun(rollout(MOODY));
    await run.prints(/moody has 20%/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const turned = performance.now();
    await setMoods(operated(MOODY), { failPercent: 50 });
    const { stdout, exitCode } = await run.outcome();
    const backMs = performance.now() - turned;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const { codes, calls: all, firstFailureMs = 0, lastFailureMs = 0 } = await calls.stop();
    assert.equal(exitCode, 1, stdout);
    assert.match(
      stdout,
      /✗ all calls go to r2 again, .*: moody failed \S+ \(.*\) of its calls \(INTERNAL \d+\), more than 5%; r2 failed 0%/,
    );
    assert.equal(await sharesNow(), "r2 100");
    const failed = all - (codes.OK ?? 0);
    const spanMs = lastFailureMs - firstFailureMs;
    // Half of a fifth of the calls fail until all are back.
    assert(failed / all < 0.2, `${failed} of ${all}`);
    measured(
      this,
      `back ${(backMs / 1e3).toFixed(1)} s after it turned bad, by callers' failures ${(spanMs / 1e3).toFixed(1)} s`,
    );
    measured(this, `${failed} of ${all} calls failed`);
  });

  it("takes a slow one back, saying how slow, and against what", async () => {
    await setMoods(operated(MOODY), { delayMs: 1500 });
    const calls = await load();
    const { stdout, exitCode } = await flotilla(...rollout(MOODY));
    await calls.stop();
    assert.equal(exitCode, 1, stdout);
    assert.match(
      stdout,
      /all calls go to r2 again, .*p99 of moody is \S+ ms, more than 1000 ms; r2 has \S+ ms in the same time/,
    );
    assert.equal(await sharesNow(), "r2 100");
  });

  it("gives one that answers wrongly no call at all", async () => {
    const tolerance = ["--tolerance", "diagnoses.malignant_probability=ignore"];
    const { stdout, stderr, exitCode } = await flotilla(...rollout("r1", "--max-disagreement", "5", ...tolerance));
    assert.equal(exitCode, 1, stdout);
    assert.match(stderr, /r1 gets no calls: r1 and r2 disagree on 1 of 2 requests.*at most 5 % allowed/);
    assert.equal(await sharesNow(), "r2 100");
  });

  it("waits for calls, says so, and takes back what nobody calls", async () => {
    const { stdout, exitCode } = await flotilla(...rollout("r3", "--patience", "4s"));
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /r3 answered 0 calls in \d+ s; it takes 50/);
    assert.match(stdout, /all calls go to r2 again, .*nothing to go by after \d+ s: r3 answered 0 calls/);
    assert.equal(await sharesNow(), "r2 100");
  });

  it("goes on with the same command after it was killed at any step", async () => {
    const calls = await load();
    for (const step of [/r3 has 20%/, /r3 has 50%/, /r3 has 100%/]) {
      const run = new PluginRun(rollout("r3"));
      await run.prints(step);
      await run.kill();
    }
    const stdout = await flotillaOk("rollout", "resume", CONTRACT, "--yes");
    const { codes } = await calls.stop();
    assert.match(stdout, /The roll-out of r3, begun .*, goes on.\n[\s\S]*r3 has all calls/);
    assert.equal(await sharesNow(), "r3 100");
    assert.deepEqual(Object.keys(codes), ["OK"]);
  });

  it("goes back when somebody aborts it, and the one who judged it is told", async () => {
    const run = new PluginRun(rollout("r3"));
    await run.prints(/r3 has 20%/);
    await flotillaOk("rollout", "abort", CONTRACT, "--yes", "--why", "second thoughts");
    const judged = await run.outcome();
    assert.equal(judged.exitCode, 1);
    assert.match(judged.stdout, /ended by somebody else: Aborted: second thoughts/);
    assert.equal(await sharesNow(), "r2 100");
  });

  it("is refused where somebody else is at it, and its weights are left to it", async () => {
    const run = new PluginRun(rollout("r3", "--interval", "120s"));
    await run.prints(/r3 has 20%/);
    const second = await flotilla(...rollout("r3"));
    assert.equal(second.exitCode, 1);
    assert.match(second.stderr, /is in the hands of \S+ on \S+, who gave a sign \d+ s ago/);
    const canary = await flotilla("canary", CONTRACT, "r1", "30", "--yes");
    assert.match(canary.stderr, /a roll-out of r3 to acme.tumor.v1 is under way \(20%, by .*\); end it with/);
    assert.equal(await sharesNow(), "r2 80, r3 20");
    await run.kill();
  });

  it("stops and says so where an apply of the manifests took its weights away", async () => {
    const run = new PluginRun(rollout("r3"));
    await run.prints(/r3 has 20%/);
    await applyRoutes();
    const { stderr, exitCode } = await run.outcome();
    assert.equal(exitCode, 1);
    assert.match(stderr, /somebody else changed the traffic of acme.tumor.v1: r2 100, and this step gives r3 20%/);
  });
});
