import assert from "node:assert/strict";
import { destinationRule } from "../../mesh/destination-rule.js";
import { podLabels } from "../../src/fleet/names.js";
import { memberOf, model } from "../support/members.js";

const REVISIONS = `revisions: { r0: ${model("r0")}, r1: ${model("r1")}, r2: ${model("r2")} }`;

function fraud(more = "") {
  return memberOf(`name: acme.fraud.v1\n${REVISIONS}\ntraffic: { r1: 100 }\n${more}`);
}

function ruleOf(more?: string) {
  return destinationRule(fraud(more)).spec!;
}

/** Revisions whose pods a subset chooses. */
function chosen(member: ReturnType<typeof fraud>, subset: string): string[] {
  const { fleet, contract } = member;
  const { labels } = destinationRule(member).spec!.subsets!.find(({ name }) => name === subset)!;
  return contract.revisions
    .map(({ name }) => name)
    .filter((revision) => {
      const pod = podLabels({ fleet: fleet.name, contract, revision });
      return Object.entries(labels!).every(([key, value]) => pod[key] === value);
    });
}

describe("destinationRule()", () => {
  it("has a subset for each revision, of that revision's pods alone", () => {
    const member = fraud("fallback: { revision: r0 }");
    for (const { name } of member.contract.revisions) assert.deepEqual(chosen(member, name), [name]);
  });

  it("guards a revision by a subset of its own pods and the fallback's, and of no others", () => {
    const member = fraud("fallback: { revision: r0 }");
    assert.deepEqual(chosen(member, "r1-or-r0"), ["r0", "r1"]);
    assert.deepEqual(chosen(member, "r2-or-r0"), ["r0", "r2"]);
  });

  it("lets the fallback's pods answer only when the others don't", () => {
    const { subsets } = ruleOf("fallback: { revision: r0 }");
    const guarded = subsets!.find(({ name }) => name === "r1-or-r0")!;
    assert.deepEqual(guarded.trafficPolicy!.loadBalancer!.localityLbSetting, {
      enabled: true,
      failoverPriority: ["flotilla.dev/tier=primary"],
    });
  });

  it("guards nothing without a fallback", () => {
    const { subsets } = ruleOf();
    assert.deepEqual(
      subsets!.map(({ name }) => name),
      ["r0", "r1", "r2"],
    );
  });

  it("balances each call by itself and warms new pods up, in guarded subsets too", () => {
    const { trafficPolicy, subsets } = ruleOf("fallback: { revision: r0 }\nwarmUp: 45s");
    const guarded = subsets!.filter(({ name }) => name.includes("-or-"));
    assert.equal(guarded.length, 2);
    for (const policy of [trafficPolicy, ...guarded.map((subset) => subset.trafficPolicy)]) {
      assert.equal(policy!.loadBalancer!.simple, "LEAST_REQUEST");
      assert.deepEqual(policy!.loadBalancer!.warmup, { duration: "45s" });
    }
  });

  it("gives a new pod its full share where the fleet file wants no warm-up", () => {
    assert.equal(ruleOf("warmUp: 0ms").trafficPolicy!.loadBalancer!.warmup, undefined);
  });

  it("spreads calls over all zones where no fallback needs an order", () => {
    assert.deepEqual(ruleOf().trafficPolicy!.loadBalancer!.localityLbSetting, { enabled: false });
  });

  it("breaks the circuit as the fleet file says", () => {
    const breaker = "{ maxRequests: 50, consecutiveErrors: 3, interval: 1s, ejectFor: 10s, maxEjected: 40 }";
    const { connectionPool, outlierDetection } = ruleOf(`circuitBreaker: ${breaker}`).trafficPolicy!;
    assert.equal(connectionPool!.http!.http2MaxRequests, 50);
    assert.equal(connectionPool!.http!.http1MaxPendingRequests, 50);
    assert.deepEqual(outlierDetection, {
      consecutive5xxErrors: 3,
      interval: "1s",
      baseEjectionTime: "10s",
      maxEjectionPercent: 40,
    });
  });

  it("may eject every pod of a revision whose fallback answers", () => {
    assert.equal(ruleOf("fallback: { revision: r0 }").trafficPolicy!.outlierDetection!.maxEjectionPercent, 100);
  });

  it("limits retries at a time by the budget, or by a number", () => {
    const numbered = ruleOf("circuitBreaker: { maxRequests: 100 }").trafficPolicy!;
    assert.equal(numbered.connectionPool!.http!.maxRetries, 20);
    assert(!("retryBudget" in numbered));
    const budgeted = ruleOf("retries: { attempts: 1, perTry: 50ms, budget: 15 }").trafficPolicy!;
    assert.equal(budgeted.connectionPool!.http!.maxRetries, undefined);
    assert.deepEqual((budgeted as { retryBudget?: unknown }).retryBudget, { percent: 15, minRetryConcurrency: 3 });
  });

  it("calls over mutual TLS", () => {
    assert.deepEqual(ruleOf().trafficPolicy!.tls, { mode: "ISTIO_MUTUAL" });
  });
});
