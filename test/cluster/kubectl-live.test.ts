import assert from "node:assert/strict";
import { call, type Load, startLoad } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { FRONT, LIVE, liveOrders, MIDDLE, MODEL, MONITORING, raiseLiveFleet } from "./support/live-fleet.js";
import { measured } from "./support/measured.js";
import { flotilla, flotillaOk } from "./support/plugin.js";
import { raisePrometheus } from "./support/prometheus.js";
import { eventually } from "./support/waiting.js";

interface Revision {
  readonly revision: string;
  readonly seen?: number;
  readonly rate?: number;
}

describe("kubectl flotilla on services that call one another", function () {
  this.timeout(240_000);
  before(raiseLiveFleet);

  let load: Load;
  before(async () => {
    load = startLoad(LISTED, { ...(await liveOrders(FRONT)), connections: 2, concurrency: 2 });
  });
  after(() => load.stop());

  it("hops shows each hop's overhead, and the chain's sum", async function () {
    const { stdout } = await flotilla("hops", "-n", LIVE, "-o", "json", "--window", "10s", "--budget", "10s");
    const { hops, chains } = JSON.parse(stdout);
    const pairs = new Set(hops.map(({ from, to }: { from: string; to: string }) => `${from} ${to}`));
    assert.deepEqual([...pairs].sort(), [`${FRONT} ${MIDDLE}`, `${MIDDLE} ${MODEL}`]);
    for (const hop of hops) assert(hop.calls > 0 && hop.overheadP50 > 0 && hop.overheadP50 <= hop.overheadP99);
    const last = hops.filter(({ to }: { to: string }) => to === MODEL);
    assert(
      last.every(
        ({ share, serverP50 }: { share: number; serverP50: number }) => share > 0 && share < 100 && serverP50 > 0,
      ),
    );
    const [chain] = chains;
    assert.deepEqual(chain.services, [FRONT, MIDDLE, MODEL]);
    assert(chain.overheadP50 > Math.max(...last.map(({ overheadP50 }: { overheadP50: number }) => overheadP50)));
    measured(this, `overhead of two hops ${chain.overheadP50.toFixed(2)} ms in the middle`);
  });

  it("hops warns of a hop that is over its budget, and says so by its exit code", async () => {
    const { stderr, exitCode } = await flotilla("hops", MODEL, "-n", LIVE, "--window", "3s", "--budget", "0.001ms");
    assert.equal(exitCode, 3);
    assert.match(
      stderr,
      /warning: live\.middle\.v1 → acme\.tumor\.v1 r\d: one call in a hundred takes \S+ ms more than .*; the budget is 0\.001 ms/,
    );
  });

  it("status asks a Prometheus through the API server, and sees what the pods say", async function () {
    this.timeout(300_000);
    await raisePrometheus();
    await call(LISTED, { ...(await liveOrders(MODEL)), calls: 200 });
    const address = `${MONITORING}/prometheus:9090`;
    const status = await eventually(
      "two scrapes of both revisions",
      async () => JSON.parse(await flotillaOk("status", MODEL, "-n", LIVE, "--prometheus", address, "-o", "json"))[0],
      ({ revisions }: { revisions: Revision[] }) => revisions.filter(({ rate = 0 }) => rate > 0).length === 2,
      { withinMs: 120_000, everyMs: 3000 },
    );
    const [r1, r2] = status.revisions as Revision[];
    assert(r1!.seen! > 35 && r1!.seen! < 65 && r2!.seen! > 35 && r2!.seen! < 65, JSON.stringify(status));
    measured(this, `by Prometheus r1 ${r1!.seen!.toFixed(0)}%, r2 ${r2!.seen!.toFixed(0)}%`);
  });

  it("says what a Prometheus that is not there answers", async () => {
    const [status] = JSON.parse(
      await flotillaOk("status", MODEL, "-n", LIVE, "--prometheus", `${MONITORING}/nobody:9090`, "-o", "json"),
    );
    assert.match(status.problem, /Prometheus at .*nobody:9090: .*not found/);
  });
});
