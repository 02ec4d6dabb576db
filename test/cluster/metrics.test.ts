import assert from "node:assert/strict";
import { contractAlerts } from "../../cdk8s/monitoring/alert-rules.js";
import { dashboardQueries, PANELS_OF_COMPOSITIONS, type Placed } from "../cdk8s/monitoring-queries.js";
import { harmInside } from "./faults/harm.js";
import { call, startLoad } from "./support/caller.js";
import { LISTED } from "./support/callers.js";
import { LIVE, liveMembers, liveOrders, MIDDLE, MODEL, pin, raiseLiveFleet } from "./support/live-fleet.js";
import { measured } from "./support/measured.js";
import { evaluatedAlerts, query, raisePrometheus } from "./support/prometheus.js";
import { eventually } from "./support/waiting.js";

const REVISIONS = ["r1", "r2", "r3"];

/**
 * A query of an alert without its limits, which gives data whether or not it fires. One that asks for what is absent
 * gives none as long as all is well: what it asks for has to be there.
 */
function withoutLimits(expr: string): string {
  const absent = /^absent\((.*)\)$/s.exec(expr);
  return absent ? absent[1]! : expr.replaceAll(/ (==|>=|>) [\d.e-]+/g, " >= bool -1");
}

async function alertQueries(): Promise<Placed[]> {
  const member = (await liveMembers(LIVE)).find(({ contract }) => contract.name === MODEL)!;
  return contractAlerts(member).rules.map(({ alert, expr, labels }) => {
    return { place: `${alert} ${labels.revision ?? ""}`.trim(), expr: withoutLimits(expr) };
  });
}

/** Those that give nothing. */
async function withoutData(queries: readonly Placed[]): Promise<string[]> {
  const found = await Promise.all(queries.map(async ({ place, expr }) => ({ place, expr, data: await query(expr) })));
  return found.filter(({ data }) => data.length === 0).map(({ place, expr }) => `${place}: ${expr}`);
}

/** Calls of all kinds: answered, by each revision and over two services; and more than r3 takes. */
async function someOfEach(): Promise<void> {
  const model = await liveOrders(MODEL);
  await call(LISTED, { ...(await liveOrders(MIDDLE)), calls: 100 });
  for (const revision of REVISIONS) await call(LISTED, { ...model, headers: pin(revision), calls: 50 });
  await call(LISTED, { ...model, headers: pin("r3"), connections: 4, concurrency: 64, seconds: 8, pauseMs: 20 });
}

describe("12 metrics", function () {
  this.timeout(240_000);
  before(raiseLiveFleet);
  before(async function () {
    this.timeout(300_000);
    await raisePrometheus();
  });

  it("are read by Prometheus from each pod of each revision, as annotations say and under mutual TLS", async function () {
    for (const job of ["annotations", "mutual-tls"]) {
      const ready = await eventually(
        `${job}: metrics of ${REVISIONS.join(", ")}`,
        () => query(`flotilla_model_ready{job="${job}"} == 1`),
        (samples) => REVISIONS.every((name) => samples.some(({ metric }) => metric.revision === name)),
        { withinMs: 90_000, everyMs: 2000 },
      );
      measured(this, `${ready.length} pods by ${job}`);
    }
  });

  it("are refused to whoever asks in plaintext", async () => {
    const up = await query('up{job="plaintext"}');
    assert(up.length > 0);
    assert.deepEqual([...new Set(up.map(({ value }) => value[1]))], ["0"]);
  });

  it("give data to every query of every alert, and Prometheus evaluates each of them", async function () {
    const queries = await alertQueries();
    await someOfEach();
    const hops = startLoad(LISTED, await liveOrders(MIDDLE));
    const many = { ...(await liveOrders(MODEL)), headers: pin("r1"), connections: 4, concurrency: 64 };
    const load = startLoad(LISTED, many);
    await eventually(
      "each query gives data",
      async () => {
        const empty = await withoutData(queries);
        // Calls fail where a worker ends with some in hand, which not every end finds.
        if (empty.length > 0) await harmInside("worker");
        return empty;
      },
      (empty) => empty.length === 0,
      { withinMs: 150_000, everyMs: 3000 },
    ).finally(() => Promise.all([hops.stop(), load.stop()]));
    const evaluated = await evaluatedAlerts();
    measured(this, `${queries.length} queries, ${evaluated.length} rules of the fleet`);
    for (const { place } of queries) assert(evaluated.includes(place.split(" ")[0]!), place);
  });

  it("give data to every panel and variable of the dashboard", async function () {
    const [member] = await liveMembers(LIVE);
    const queries = dashboardQueries(member!.fleet, MODEL).filter(
      ({ place }) => !PANELS_OF_COMPOSITIONS.includes(place),
    );
    const load = startLoad(LISTED, { ...(await liveOrders(MIDDLE)) });
    await eventually(
      "each query gives data",
      () => withoutData(queries),
      (empty) => empty.length === 0,
      { everyMs: 3000 },
    ).finally(() => load.stop());
    measured(this, `${queries.length} queries`);
  });
});
