import assert from "node:assert/strict";
import { ingressVirtualService } from "../../mesh/virtual-service.js";
import { readTraffic, type Traffic } from "../../src/kubectl/traffic.js";
import { withTraffic } from "../../src/kubectl/traffic-edit.js";
import type { VirtualService } from "../../src/kubectl/virtual-service.js";
import { memberOf, model } from "../support/members.js";
import { type Routed, routed } from "../support/routed.js";

const METHODS = "methods: { PredictStream: { deadline: 10m } }";
const GUARDED = "fallback: { revision: r0, when: { latencyOver: 80ms } }";

const RELEASED = { spec: "releases: { old: { acme.fraud.v1: r1 }, new: { acme.fraud.v1: r2 } }" };

/** The routes of `before` with the traffic of `after`. */
function edited(before: Routed, after: Routed) {
  return withTraffic(before.service.spec!.http!, after.traffic, before.subsets);
}

describe("traffic that is edited in place", () => {
  for (const [what, before, after] of [
    ["weights", ["traffic: { r1: 100 }"], ["traffic: { r1: 90, r2: 10 }"]],
    ["weights to one revision", ["traffic: { r1: 90, r2: 10 }"], ["traffic: { r2: 100 }"]],
    ["a shadow", ["traffic: { r1: 100 }"], ["traffic: { r1: 100 }", "shadow: { revision: r3, percent: 20 }"]],
    ["no shadow any more", ["shadow: { revision: r3, percent: 20 }", "traffic: { r1: 100 }"], ["traffic: { r1: 100 }"]],
    ["a cohort", ["traffic: { r1: 100 }"], ["traffic: { r1: 100 }", "cohorts: { beta: r2 }"]],
    [
      "a cohort's revision",
      ["traffic: { r1: 100 }", "cohorts: { beta: r2 }"],
      ["traffic: { r1: 100 }", "cohorts: { beta: r3 }"],
    ],
    [
      "a cohort's shares",
      ["traffic: { r1: 100 }", "cohorts: { beta: r2 }"],
      ["traffic: { r1: 100 }", "cohorts: { beta: { r1: 80, r2: 20 } }"],
    ],
    [
      "a cohort's shares, changed",
      ["traffic: { r1: 100 }", "cohorts: { beta: { r1: 80, r2: 20 } }"],
      ["traffic: { r1: 90, r2: 10 }", "cohorts: { beta: { r1: 80, r3: 20 } }"],
    ],
    ["no cohort any more", ["traffic: { r1: 100 }", "cohorts: { beta: r2 }"], ["traffic: { r1: 100 }"]],
    [
      "all of them, before a fallback",
      ["traffic: { r1: 100 }", GUARDED, METHODS],
      [
        "traffic: { r1: 70, r2: 30 }",
        GUARDED,
        METHODS,
        "shadow: { revision: r3, percent: 5 }",
        "cohorts: { beta: r2 }",
      ],
    ],
  ] as const) {
    it(`is what manifests would say: ${what}`, () => {
      const wanted = routed(...after);
      assert.deepEqual(edited(routed(...before), wanted), wanted.service.spec!.http);
    });
  }

  it("is what manifests would say: a cohort beside releases", () => {
    const wanted = routed(RELEASED, "traffic: { r1: 90, r2: 10 }", "cohorts: { beta: r3 }");
    const before = routed(RELEASED, "traffic: { r1: 100 }");
    assert.deepEqual(edited(before, wanted), wanted.service.spec!.http);
    assert.deepEqual(
      [...wanted.traffic.releases],
      [
        ["old", "r1"],
        ["new", "r2"],
      ],
    );
  });

  it("stays as it is where nothing changes", () => {
    const as = routed("traffic: { r1: 90, r2: 10 }", "shadow: { revision: r3, percent: 20 }", "cohorts: { beta: r2 }");
    assert.deepEqual(edited(as, as), as.service.spec!.http);
  });

  it("keeps routes that somebody else added", () => {
    const before = routed("traffic: { r1: 100 }");
    const own = {
      name: "mine",
      match: [{ headers: { "x-debug": { exact: "1" } } }],
      route: before.service.spec!.http![0]!.route!,
    };
    const http = withTraffic(
      [own, ...before.service.spec!.http!],
      routed("traffic: { r2: 100 }").traffic,
      before.subsets,
    );
    assert.deepEqual(http[0], own);
  });

  it("keeps taking pins off calls from outside", () => {
    const revisions = ["r1", "r2"].map((name) => `  ${name}: ${model(name)}`).join("\n");
    const fields = `name: acme.fraud.v1\ncallers: [shop/checkout]\nrevisions:\n${revisions}\ntraffic: { r1: 100 }\ningress: true`;
    const member = memberOf(fields, "ingress: { via: istio, host: models.example.com, tls: { secret: models-tls } }");
    const ingress = JSON.parse(JSON.stringify(ingressVirtualService(member, member.fleet.ingress!))) as VirtualService;
    const { subsets } = routed("traffic: { r1: 100 }");
    const traffic: Traffic = {
      ...readTraffic(ingress, subsets),
      weights: [{ revision: "r2", percent: 100 }],
      cohorts: new Map([["beta", [{ revision: "r1", percent: 100 }]]]),
    };
    const http = withTraffic(ingress.spec!.http!, traffic, subsets);
    assert(http.length > 1);
    for (const { headers } of http)
      assert.deepEqual(headers, { request: { remove: ["x-flotilla-pin", "x-flotilla-release-revision"] } });
  });
});

describe("readTraffic()", () => {
  it("refuses routes that split the traffic in different ways, and says which", () => {
    const { service, subsets } = routed("traffic: { r1: 90, r2: 10 }");
    const [calls] = service.spec!.http!.filter(({ name }) => name === "default-calls");
    calls!.route![0]!.weight = 50;
    calls!.route![1]!.weight = 50;
    assert.throws(
      () => readTraffic(service, subsets),
      /default-streams r1 90, r2 10, default-calls r1 50, r2 50; apply/,
    );
  });
});
