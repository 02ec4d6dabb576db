import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { bridgeAlerts } from "../../cdk8s/monitoring/bridge-alerts.js";
import { bridgeMonitoring } from "../../cdk8s/monitoring/bridge-monitoring.js";
import { BridgeMetrics } from "../../src/events/bridge-metrics.js";
import { fleetOf, model } from "../support/members.js";
import { dashboardQueries, metricsOf, type Placed } from "./monitoring-queries.js";

const CONTRACT = `name: acme.fraud.v1\nowner: payments-risk\nrevisions: { r1: ${model("r1")} }`;
const SCRAPER = "telemetry: { prometheus: { scraper: monitoring/prometheus } }";

function fleetWith(bridge = "", spec = SCRAPER) {
  const places = "from: { stream: IN, subject: in.a }, to: { subject: out.a }, deadLetter: { subject: out.dead }";
  const broker = "broker: { nats: { servers: [nats://nats], monitoring: nats:8222 } }";
  const bridges = `bridges: [{ name: scores, contract: acme.fraud.v1, ${places}${bridge && `, ${bridge}`} }]`;
  return fleetOf([CONTRACT], `${broker}\n${bridges}\n${spec}`);
}

function alertsOf(bridge?: string) {
  const fleet = fleetWith(bridge);
  return bridgeAlerts(fleet, fleet.bridges[0]!);
}

/** A query has to be PromQL, and to ask for what bridges have. */
function assertKnown(queries: readonly Placed[]): void {
  const registry = new Registry();
  const metrics = new BridgeMetrics(registry, { bridge: "scores", contract: "acme.fraud.v1" });
  metrics.watch({ inFlight: () => 0, pace: () => 0, lag: async () => 0 });
  const known = registry.getMetricsAsArray().flatMap(({ name }) => [name, `${name}_bucket`]);
  assert(queries.length > 0);
  for (const { place, expr } of queries) {
    const asked = metricsOf(expr);
    assert(asked.length > 0, place);
    for (const metric of asked) assert(known.includes(metric), `${place}: nobody has ${metric}`);
  }
}

describe("the panels of bridges", () => {
  it("are PromQL, ask for metrics that bridges have, and are in the fleet's dashboard", () => {
    const queries = dashboardQueries(fleetWith(), "acme.fraud.v1");
    const without = dashboardQueries(fleetOf([CONTRACT], SCRAPER), "acme.fraud.v1").map(({ place }) => place);
    const own = queries.filter(({ place }) => !without.includes(place));
    assertKnown(own);
    for (const title of ["Events that wait", "Events by outcome", "Dead letters"]) {
      assert(
        own.some(({ place }) => place === `panel ${title}`),
        title,
      );
    }
  });
});

describe("the alerts of a bridge", () => {
  it("are PromQL, and ask for metrics that bridges have", () => {
    assertKnown(alertsOf().map(({ alert, expr }) => ({ place: alert, expr })));
  });

  it("are explained, each under its own heading", () => {
    const page = readFileSync("docs/alerts.md", "utf8");
    for (const { alert } of alertsOf()) assert(page.includes(`\n## ${alert}\n`), alert);
  });

  it("say whose they are: the bridge, its contract and that one's owner", () => {
    for (const { labels } of alertsOf()) {
      const { bridge, contract, owner, namespace } = labels;
      assert.deepEqual([bridge, contract, owner, namespace], ["scores", "acme.fraud.v1", "payments-risk", "models"]);
    }
  });

  it("call it no fault that nobody takes events where no pod is meant to be there", () => {
    const names = (bridge?: string) => alertsOf(bridge).map(({ alert }) => alert);
    assert(names().includes("FlotillaBridgeDown"));
    assert(!names("replicas: { min: 0 }, scaleOnLag: 10").includes("FlotillaBridgeDown"));
  });

  it("come as a file of rules of their own, or as the operator's object; as nothing where nobody reads metrics", () => {
    const kinds = (spec: string) => {
      const fleet = fleetWith("", spec);
      return bridgeMonitoring(fleet, fleet.bridges[0]!).map(({ kind, metadata }) => `${kind} ${metadata!.name}`);
    };
    assert.deepEqual(kinds(SCRAPER), ["ConfigMap bridge-scores-alerts"]);
    assert.deepEqual(kinds(SCRAPER.replace("} }", ", discovery: operator } }")), ["PrometheusRule bridge-scores"]);
    assert.deepEqual(kinds(""), []);
  });
});
