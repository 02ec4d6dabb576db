import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { contractAlerts } from "../../cdk8s/monitoring/alert-rules.js";
import { contractMonitoring } from "../../cdk8s/monitoring/contract-monitoring.js";
import { fleetMonitoring } from "../../cdk8s/monitoring/fleet-monitoring.js";
import { HopMetrics } from "../../src/telemetry/hop-metrics.js";
import { Metrics } from "../../src/telemetry/metrics.js";
import { ROOT } from "../support/contract-fixture.js";
import { fleetOf, memberOf, membersOf, model } from "../support/members.js";
import { dashboardJson, dashboardQueries, metricsOf, ruleFiles } from "./monitoring-queries.js";

const ANNOTATIONS = "telemetry: { prometheus: { scraper: monitoring/prometheus } }";
const OPERATOR = "telemetry: { prometheus: { scraper: monitoring/prometheus, discovery: operator } }";

/** A contract with everything that alerts look at. */
const FRAUD = `
name: acme.fraud.v1
owner: payments-risk
deadline: 300ms
revisions:
  r0: ${model("r0")}
  r1: ${model("r1")}
  r2: ${model("r2")}
  r3: ${model("r3")}
traffic: { r1: 90, r2: 10 }
shadow: { revision: r3, percent: 20 }
fallback: { revision: r0, when: { latencyOver: 80ms } }
objectives: { errorRate: 0.7, p99: 80ms, hopOverhead: 5ms }
`;

const contract = (more = "") => `name: acme.fraud.v1\nrevisions:\n  r1: ${model("r1")}\n${more}`;

function alertsOf(text: string, spec = ANNOTATIONS) {
  return contractAlerts(memberOf(text, spec)).rules;
}

function alertOf(text: string, name: string) {
  const alerts = alertsOf(text).filter(({ alert }) => alert === name);
  assert.equal(alerts.length, 1, `${alerts.length} alerts are called ${name}`);
  return alerts[0]!;
}

describe("the alerts of a contract", () => {
  it("hold it to what it promises", () => {
    assert.match(alertOf(FRAUD, "FlotillaErrors").expr, / > 0\.007 and .* > 0\.007$/);
    assert.match(alertOf(FRAUD, "FlotillaManyErrors").expr, / > 0\.07 and /);
    assert.match(alertOf(FRAUD, "FlotillaShedding").expr, / > 0\.007$/);
    assert.match(alertOf(FRAUD, "FlotillaSlow").expr, / > 0\.08$/);
    assert.match(alertOf(FRAUD, "FlotillaHopOverhead").expr, / > 0\.005$/);
  });

  it("call a half of the calls failing an emergency, however little is promised", () => {
    assert.match(alertOf(contract("objectives: { errorRate: 30 }"), "FlotillaManyErrors").expr, / > 0\.5 and /);
  });

  it("count what is the server's fault, and no call that its caller got wrong", () => {
    const { expr } = alertOf(FRAUD, "FlotillaErrors");
    for (const code of ["INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"]) assert.match(expr, new RegExp(code));
    for (const code of ["INVALID_ARGUMENT", "NOT_FOUND", "CANCELLED", "PERMISSION_DENIED"])
      assert.doesNotMatch(expr, new RegExp(code));
  });

  it("leave a shadow out, whose answers nobody sees, until a cohort asks for it", () => {
    const withShadow = (alerts: readonly { expr: string }[]) => alerts.filter(({ expr }) => expr.includes('!="r3"'));
    assert.ok(withShadow(alertsOf(FRAUD)).length > 0);
    assert.deepEqual(withShadow(alertsOf(`${FRAUD}cohorts: { beta: r3 }`)), []);
  });

  it("do not promise what a histogram can't tell: times beyond its last bound", () => {
    const names = alertsOf(contract("objectives: { p99: 1m }")).map(({ alert }) => alert);
    assert.ok(!names.includes("FlotillaSlow"));
    assert.ok(names.includes("FlotillaErrors"));
  });

  it("wake somebody up for each revision that has traffic and no pod, and for no other", () => {
    const down = alertsOf(FRAUD).filter(({ alert }) => alert === "FlotillaRevisionDown");
    assert.deepEqual(
      down.map(({ labels }) => [labels.revision, labels.severity]),
      [
        ["r1", "critical"],
        ["r2", "critical"],
        ["r0", "warning"],
      ],
    );
  });

  it("notice a share that the mesh does not give, of those that are split", () => {
    const without = alertsOf(FRAUD).filter(({ alert }) => alert === "FlotillaNoTraffic");
    assert.deepEqual(
      without.map(({ labels }) => labels.revision),
      ["r1", "r2"],
    );
    assert.match(without[1]!.expr, /> 500$/);
    assert.ok(!alertsOf(contract()).some(({ alert }) => alert === "FlotillaNoTraffic"));
  });

  it("notice a fallback that answers, unless a cohort has its calls answered by it anyway", () => {
    assert.equal(alertOf(FRAUD, "FlotillaFallbackAnswers").labels.revision, "r0");
    const names = alertsOf(`${FRAUD}cohorts: { cheap: r0 }`).map(({ alert }) => alert);
    assert.ok(!names.includes("FlotillaFallbackAnswers"));
  });

  it("take a release's revision for one that answers: it is missed, and a shadow or a fallback no more", () => {
    const released = (revision: string) =>
      contractAlerts(memberOf(FRAUD, `${ANNOTATIONS}\nreleases: { new: { acme.fraud.v1: ${revision} } }`)).rules;
    const down = released("r3").filter(
      ({ alert, labels }) => alert === "FlotillaRevisionDown" && labels.revision === "r3",
    );
    assert.deepEqual(
      down.map(({ labels }) => labels.severity),
      ["warning"],
    );
    assert.ok(!released("r3").some(({ expr }) => expr.includes('!="r3"')));
    assert.ok(!released("r0").some(({ alert }) => alert === "FlotillaFallbackAnswers"));
  });

  it("hold the chain of a composition to what its hops may add together, and no other contract", () => {
    const callee = (name: string, hopOverhead: string) =>
      `name: ${name}\nrevisions: { r1: ${model("r1")} }\nobjectives: { hopOverhead: ${hopOverhead} }`;
    const chain = `name: acme.chain.v1\nrevisions: { r1: ${model("r1")} }\ncalls: [acme.a.v1, acme.b.v1]`;
    const members = membersOf(fleetOf([chain, callee("acme.a.v1", "2ms"), callee("acme.b.v1", "5ms")], ANNOTATIONS));
    const alerts = members.map((member) => {
      return contractAlerts(member).rules.filter(({ alert }) => alert === "FlotillaChainOverhead");
    });
    assert.deepEqual(
      alerts.map(({ length }) => length),
      [1, 0, 0],
    );
    const { expr, annotations } = alerts[0]![0]!;
    assert.match(expr, /from="acme\.chain\.v1", to="acme\.a\.v1"\}\[5m\]\)\) or vector\(0\)\) \* 0\.002 \+ /);
    assert.match(expr, /to="acme\.b\.v1"\}\[5m\]\)\) or vector\(0\)\) \* 0\.005\) > 1$/);
    assert.deepEqual(metricsOf(expr).sort(), [
      "flotilla_chain_overhead_seconds_sum",
      "flotilla_hop_overhead_seconds_count",
      "flotilla_hop_overhead_seconds_count",
    ]);
    assert.equal(annotations.runbook, "docs/alerts.md#flotillachainoverhead");
    assert.match(readFileSync(path.join(ROOT, "docs/alerts.md"), "utf8"), /^## FlotillaChainOverhead$/m);
  });

  it("find the contract's people: each says whose it is", () => {
    for (const { labels } of alertsOf(FRAUD)) {
      assert.equal(labels.contract, "acme.fraud.v1");
      assert.equal(labels.namespace, "models");
      assert.equal(labels.owner, "payments-risk");
    }
  });

  it("show an owner as it is, whatever Prometheus' templates would make of it", () => {
    assert.equal(alertsOf(contract('owner: "{{ team }}"'))[0]!.labels.owner, '{{"{{"}} team }}');
  });

  it("are explained, each under its own heading", () => {
    const headings = new Set(readFileSync(path.join(ROOT, "docs/alerts.md"), "utf8").match(/^## .*$/gm));
    for (const { alert, annotations } of alertsOf(FRAUD)) {
      assert.ok(headings.has(`## ${alert}`), `docs/alerts.md has no heading ${alert}`);
      assert.equal(annotations.runbook, `docs/alerts.md#${alert.toLowerCase()}`);
    }
  });
});

describe("the queries of alerts and dashboard", () => {
  it("are PromQL, and ask for metrics that servers and clients have", () => {
    const { registry } = new Metrics();
    new HopMetrics(registry);
    const known = new Set(
      registry.getMetricsAsArray().flatMap(({ name }) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
    );
    const fleet = fleetOf([FRAUD], ANNOTATIONS);
    const alerts = alertsOf(FRAUD).map(({ alert, expr }) => ({ place: `alert ${alert}`, expr }));
    for (const { place, expr } of [...alerts, ...dashboardQueries(fleet, "acme.fraud.v1")]) {
      const metrics = metricsOf(expr);
      assert.ok(metrics.length > 0, `${place} asks for nothing`);
      for (const metric of metrics) assert.ok(known.has(metric), `${place}: nobody has ${metric}`);
    }
  });
});

describe("what a fleet's metrics are read by", () => {
  const kinds = (objects: readonly { kind: string }[]) => objects.map(({ kind }) => kind);

  it("is nothing where the fleet file names nobody who reads them", () => {
    const member = memberOf(FRAUD);
    assert.deepEqual([...contractMonitoring(member), ...fleetMonitoring(member.fleet)], []);
  });

  it("is what the Prometheus operator knows, by option", () => {
    const member = memberOf(FRAUD, OPERATOR);
    assert.deepEqual(kinds(contractMonitoring(member)), ["PrometheusRule"]);
    assert.deepEqual(kinds(fleetMonitoring(member.fleet)), ["PodMonitor", "ConfigMap"]);
  });

  it("is, without an operator, a file of rules for each contract with the same alerts", () => {
    const member = memberOf(FRAUD, ANNOTATIONS);
    assert.deepEqual(kinds(contractMonitoring(member)), ["ConfigMap"]);
    const [[name, text] = ["", ""], ...others] = Object.entries(ruleFiles(member));
    assert.deepEqual(others, []);
    assert.equal(name, "models-acme-fraud-v1.rules.yaml");
    assert.deepEqual(parse(text), { groups: [contractAlerts(member)] });
    assert.deepEqual(kinds(fleetMonitoring(member.fleet)), ["ConfigMap"]);
  });

  it("is no dashboard where none is wanted", () => {
    const { fleet } = memberOf(
      FRAUD,
      "telemetry: { dashboard: false, prometheus: { scraper: monitoring/prometheus } }",
    );
    assert.deepEqual(fleetMonitoring(fleet), []);
  });
});

describe("the dashboard of a fleet", () => {
  const fleet = fleetOf([FRAUD], ANNOTATIONS);

  it("is as large for a thousand contracts as for one, and fits into a ConfigMap", () => {
    const many = fleetOf(
      Array.from({ length: 1000 }, (_, index) => `name: acme.m${index}.v1\nrevisions: { r1: ${model("r1")} }`),
      ANNOTATIONS,
    );
    const bytes = (of: typeof fleet) => JSON.stringify(fleetMonitoring(of)).length;
    assert.equal(bytes(many), bytes(fleet));
    assert.ok(bytes(fleet) < 2 ** 20 / 4);
  });

  it("has each panel in a place of its own, inside of the grid", () => {
    const taken = new Set<string>();
    const { panels } = dashboardJson(fleet);
    assert.ok(panels.length > 15);
    for (const { title, gridPos } of panels) {
      const { x, y, w, h } = gridPos;
      assert.ok(x + w <= 24, title);
      for (let column = x; column < x + w; column++) {
        for (let line = y; line < y + h; line++) {
          assert.ok(!taken.has(`${column},${line}`), `${title} lies on another panel`);
          taken.add(`${column},${line}`);
        }
      }
    }
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  });

  it("differs from that of a fleet of the same name in another namespace", () => {
    const uid = (of: typeof fleet) => (dashboardJson(of) as unknown as { uid: string }).uid;
    assert.notEqual(uid(fleet), uid({ ...fleet, namespace: "staging" }));
  });
});
