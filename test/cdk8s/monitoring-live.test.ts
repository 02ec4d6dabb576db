import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { Registry } from "prom-client";
import { criteria } from "../../cdk8s/delivery/judgement.js";
import { contractAlerts } from "../../cdk8s/monitoring/alert-rules.js";
import type { Member } from "../../src/fleet/members.js";
import { HopMetrics } from "../../src/telemetry/hop-metrics.js";
import { startMetricsEndpoint } from "../../src/telemetry/metrics-endpoint.js";
import { compileContract, JsonCodec } from "../support/contract-fixture.js";
import { fleetOf, membersOf, model } from "../support/members.js";
import { scaleModel, slowModel } from "../support/onnx-builder.js";
import { RawClient, startTestServer, type TestServer } from "../support/server.js";
import { SCALE, SLOW } from "../wire/contracts.js";
import { Prometheus, type Target } from "./monitoring-prometheus.js";
import { dashboardQueries, ruleFiles } from "./monitoring-queries.js";

const SICK = "test.slow.v1";
const WELL = "test.scale.v1";

/** r2 of the one contract is not there, and nothing that it promises can be kept. */
const FLEET = fleetOf(
  [
    `
name: ${SICK}
deadline: 10s
revisions:
  r0: ${model("r0")}
  r1: ${model("r1")}
  r2: ${model("r2")}
traffic: { r1: 50, r2: 50 }
fallback: { revision: r0 }
calls: [${WELL}]
objectives: { errorRate: 0.1, p99: 1ms, hopOverhead: 1ms }`,
    `
name: ${WELL}
revisions:
  r1: ${model("r1")}`,
  ],
  "telemetry: { prometheus: { scraper: monitoring/prometheus } }",
);

const RULES = membersOf(FLEET).flatMap((member) => Object.entries(ruleFiles(member)));
const PATIENCE_MS = 90_000;
const QUEUE_SIZE = 10;

describe("a real Prometheus that reads a real server", function () {
  this.timeout(2 * PATIENCE_MS);
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-prometheus-"));
  const closing: (() => Promise<void>)[] = [];
  let prometheus: Prometheus;

  before(async function () {
    if (spawnSync("prometheus", ["--version"]).status !== 0) {
      console.log("      skipped: prometheus is not on PATH (apt-get install prometheus)");
      this.skip();
    }
    for (const [name, text] of RULES) writeFileSync(path.join(folder, name), text);
    const sick = await startTestServer([
      {
        contract: compileContract(SICK, SLOW),
        revisions: { r1: slowModel(), r0: slowModel(), r3: Buffer.from("no model") },
        settings: { queueSize: QUEUE_SIZE },
      },
    ]);
    sick.metrics.memoryLimit.set(2 ** 20);
    const well = await startTestServer([
      { contract: compileContract(WELL, SCALE), revisions: { r1: scaleModel({ factor: 2 }) } },
    ]);
    const callers = new Registry();
    const pods = {
      "models/sick-0": sick.metrics.registry,
      "models/well-0": well.metrics.registry,
      "shop/a-0": callers,
    };
    const targets: Target[] = [];
    for (const [name, registry] of Object.entries(pods)) {
      const [namespace, pod] = name.split("/");
      const endpoint = await startMetricsEndpoint(registry, { host: "127.0.0.1", port: 0 });
      closing.push(() => endpoint.close());
      targets.push({ port: endpoint.port, labels: { namespace: namespace!, pod: pod! } });
    }
    prometheus = await Prometheus.start(folder, targets);
    closing.push(
      () => sick.close(),
      () => well.close(),
    );
    closing.push(() => prometheus.stop());
    closing.push(startTraffic({ sick, well, hops: new HopMetrics(callers) }));
  });

  after(async () => {
    for (const close of closing.reverse()) await close();
    rmSync(folder, { recursive: true });
  });

  it("takes the rules, by its own checker", () => {
    const files = RULES.map(([name]) => name);
    const { status: exitCode, stdout, stderr } = spawnSync("promtool", ["check", "rules", ...files], { cwd: folder });
    assert.equal(exitCode, 0, `${stdout}${stderr}`);
  });

  it("raises every alert of a contract that keeps no promise, and none of one that is well", async () => {
    const expected = new Set(contractAlerts(membersOf(FLEET)[0]!).rules.map(({ alert }) => alert));
    let active: string[] = [];
    const missing = () => [...expected].filter((name) => !active.some((alert) => alert.startsWith(`${name} ${SICK}`)));
    for (const limitMs = Date.now() + PATIENCE_MS; Date.now() < limitMs; await sleep(500)) {
      active = await prometheus.activeAlerts();
      if (missing().length === 0) break;
    }
    assert.deepEqual(missing(), []);
    assert.deepEqual(
      active.filter((alert) => alert.includes(WELL)),
      [],
    );
    for (const alert of [`FlotillaRevisionDown ${SICK} r2`, `FlotillaNoTraffic ${SICK} r2`]) {
      assert.ok(active.includes(alert), `${alert} is not among ${active.join("\n")}`);
    }
    for (const alert of [`FlotillaRevisionDown ${SICK} r1`, `FlotillaNoTraffic ${SICK} r1`]) {
      assert.ok(!active.includes(alert), alert);
    }
  });

  it("has data for every panel and variable of the dashboard", async () => {
    for (const { place, expr } of dashboardQueries(FLEET, SICK)) {
      assert.notEqual((await prometheus.query(expr)).length, 0, `${place}: nothing for ${expr}`);
    }
  });

  it("judges a new state by the calls of its own pods, and not at all where it had none", async () => {
    const judged = membersOf(
      fleetOf(
        [SICK, WELL].map((name) => `name: ${name}\nrevisions: { r1: ${model("r1")} }\ndelivery: { engine: flagger }`),
        "telemetry: { prometheus: { scraper: monitoring/prometheus, address: http://prometheus:9090 } }",
      ),
    );
    const ask = async (of: Member, pods: string) => {
      const [errors] = criteria(of, pods);
      return (await prometheus.query(errors!.query)).map(({ value }) => Number(value[1]));
    };
    const [failed] = await ask(judged[0]!, "sick-[0-9]");
    assert.ok(failed! > 0, `${failed}% failed`);
    assert.deepEqual(await ask(judged[1]!, "well-[0-9]"), [0]);
    assert.deepEqual(await ask(judged[1]!, "sick-[0-9]"), []);
    assert.equal((await prometheus.query(criteria(judged[0]!, "sick-[0-9]")[1]!.query)).length, 1);
  });

  it("knows a well contract's share of failed calls, though none has ever failed", async () => {
    const queries = dashboardQueries(FLEET, WELL);
    const failed = queries.find(({ place }) => place === "panel Failed by revision")!;
    assert.equal((await prometheus.query(failed.expr)).length, 1);
  });
});

/**
 * More calls than the one contract can answer, some to a model that can't be loaded; a few to the other contract; and
 * workers that are said to have died.
 * @returns ends it
 */
function startTraffic(to: { sick: TestServer; well: TestServer; hops: HopMetrics }): () => Promise<void> {
  const [client, wellClient] = [new RawClient(to.sick.address), new RawClient(to.well.address)];
  const slow = new JsonCodec(compileContract(SICK, SLOW).image).encode(`${SICK}.PredictRequest`, {
    iterations: ["30"],
    x: [1],
  });
  const quick = new JsonCodec(compileContract(WELL, SCALE).image).encode(`${WELL}.PredictRequest`, { x: [1, 2, 3] });
  const by = (revision: string) => ({ metadata: { "flotilla-revision": revision } });
  let running = true;
  const loop = async (step: () => Promise<unknown>) => {
    while (running) await step();
  };
  const loops = [
    ...Array.from({ length: QUEUE_SIZE + 5 }, () =>
      loop(async () => {
        const { code } = await client.unary(`/${SICK}.SlowService/Predict`, slow, by("r1"));
        // Who is refused comes back a little later, so that the queue is full and the machine is not.
        if (code !== status.OK) await sleep(20);
      }),
    ),
    loop(async () => {
      await client.unary(`/${SICK}.SlowService/Predict`, slow, by("r0"));
      await client.unary(`/${SICK}.SlowService/Predict`, slow, by("r3"));
      await wellClient.unary(`/${WELL}.ScaleService/Predict`, quick);
      to.hops.onHop({ from: "checkout", to: SICK, revision: "r1", overheadMs: 5 });
      to.hops.onHop({ from: SICK, to: WELL, revision: "r1", overheadMs: 1 });
      // More than that one hop may add.
      to.hops.onChain(SICK, "r1", 50);
      await sleep(100);
    }),
    loop(async () => {
      to.sick.metrics.workerRestarts.inc({ contract: SICK, revision: "r1" });
      await sleep(1000);
    }),
  ];
  return async () => {
    running = false;
    await Promise.all(loops);
    client.close();
    wellClient.close();
  };
}
