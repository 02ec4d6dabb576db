import assert from "node:assert/strict";
import { ingressVirtualService, virtualService } from "../../mesh/virtual-service.js";
import type { KubeObject } from "../../src/kubectl/kube-object.js";
import { formatTraffic, routedContract, trafficChanges } from "../../src/kubectl/traffic-view.js";
import { memberOf, model } from "../support/members.js";

const INGRESS = "ingress: { via: istio, host: models.example.com, tls: { secret: models-tls } }";

function contract(...fields: string[]): string {
  const revisions = ["r0", "r1", "r2", "r3"].map((name) => `  ${name}: ${model(name)}`).join("\n");
  return ["name: acme.fraud.v1", "callers: [shop/checkout]", `revisions:\n${revisions}`, ...fields].join("\n");
}

/** The VirtualService of a contract, as a cluster gives it back. */
function service(...fields: string[]): KubeObject {
  return released("", ...fields);
}

/** The same in a fleet with `releases`. */
function released(releases: string, ...fields: string[]): KubeObject {
  return JSON.parse(JSON.stringify(virtualService(memberOf(contract(...fields), releases)))) as KubeObject;
}

function view(before: KubeObject | undefined, after: KubeObject): string {
  return formatTraffic(routedContract(after)!, trafficChanges(before, after));
}

describe("the traffic view", () => {
  it("says a cohort's shares", () => {
    const before = service("traffic: { r1: 100 }", "cohorts: { beta: r2 }");
    const after = service("traffic: { r1: 100 }", "cohorts: { beta: { r1: 80, r2: 20 } }");
    assert.equal(view(before, after), "acme.fraud.v1  cohort beta r2→r1 80, r2 20");
  });

  it("says on one line what changes: weights, shadow and cohorts", () => {
    const before = service(
      "traffic: { r1: 90, r2: 10 }",
      "shadow: { revision: r3, percent: 20 }",
      "cohorts: { beta: r2 }",
    );
    const after = service("traffic: { r1: 50, r2: 50 }", "cohorts: { beta: r3 }");
    assert.equal(view(before, after), "acme.fraud.v1  r1 90→50  r2 10→50  shadow r3 20%→off  cohort beta r2→r3");
  });

  it("says which revision a release has, and of one that is gone that it is off", () => {
    const before = released(
      "releases: { old: { acme.fraud.v1: r1 }, new: { acme.fraud.v1: r1 } }",
      "traffic: { r1: 100 }",
    );
    const after = released("releases: { new: { acme.fraud.v1: r2 } }", "traffic: { r1: 100 }");
    assert.equal(view(before, after), "acme.fraud.v1  release old r1→off  release new r1→r2");
  });

  it("says nothing of what stays", () => {
    const before = service("traffic: { r1: 90, r2: 10 }", "cohorts: { beta: r2 }");
    assert.deepEqual(trafficChanges(before, before), []);
    const after = service("traffic: { r1: 90, r3: 10 }", "cohorts: { beta: r2 }");
    assert.equal(view(before, after), "acme.fraud.v1  r2 10→0  r3 0→10");
  });

  it("says where all calls go of a contract that is new", () => {
    const after = service("traffic: { r1: 90, r2: 10 }", "cohorts: { beta: r2 }");
    assert.equal(view(undefined, after), "acme.fraud.v1  r1 0→90  r2 0→10  cohort beta off→r2");
  });

  it("names the revision where a fallback stands behind it", () => {
    const before = service("traffic: { r1: 100 }", "fallback: { revision: r0 }");
    const after = service("traffic: { r1: 70, r2: 30 }", "fallback: { revision: r0 }");
    assert.equal(view(before, after), "acme.fraud.v1  r1 100→70  r2 0→30");
  });

  it("does not take a revision for one with a fallback by its name alone", () => {
    const odd = (weight: number) => {
      const revisions = `revisions:\n  a: ${model("a")}\n  a-or-b: ${model("b")}`;
      const fields = `name: acme.odd.v1\n${revisions}\ntraffic: { a: ${100 - weight}, a-or-b: ${weight} }`;
      return virtualService(memberOf(fields)) as KubeObject;
    };
    assert.equal(view(odd(10), odd(30)), "acme.odd.v1  a 90→70  a-or-b 10→30");
  });

  it("names the route where somebody gave routes shares of their own", () => {
    const before = service("traffic: { r1: 90, r2: 10 }");
    const text = JSON.stringify(before);
    const after = JSON.parse(text.replace(/("name":"default-calls".*?"weight":)90(.*?"weight":)10/, "$150$250"));
    assert.notEqual(JSON.stringify(after), text);
    assert.match(view(before, after), /r1 \(default-calls\) 0→50 {2}r2 \(default-calls\) 0→50/);
  });

  it("is there for a contract's own VirtualService alone", () => {
    const member = memberOf(contract("traffic: { r1: 100 }", "ingress: true"), INGRESS);
    assert.equal(routedContract(virtualService(member) as KubeObject), "acme.fraud.v1");
    assert.equal(routedContract(ingressVirtualService(member, member.fleet.ingress!) as KubeObject), undefined);
    assert.equal(routedContract({ apiVersion: "v1", kind: "Service", metadata: { name: "a" } }), undefined);
  });
});
