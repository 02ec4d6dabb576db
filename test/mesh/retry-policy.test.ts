import assert from "node:assert/strict";
import { retryPolicy } from "../../mesh/retry-policy.js";
import type { ContractSpec } from "../../src/fleet/spec.js";
import { memberOf, model } from "../support/members.js";

const CALL = { streaming: false, guarded: false };
const GUARDED = { streaming: false, guarded: true };
const FALLBACK = "fallback: { revision: r0, when: { latencyOver: 80ms } }";

function fraud(more = ""): ContractSpec {
  const revisions = `revisions: { r0: ${model("r0")}, r1: ${model("r1")} }`;
  return memberOf(`name: acme.fraud.v1\ndeadline: 5s\n${revisions}\ntraffic: { r1: 100 }\n${more}`).contract;
}

function conditions(policy: { retryOn?: string }): string[] {
  return policy.retryOn!.split(",");
}

describe("retryPolicy()", () => {
  it("never tries a stream again, whatever the fleet file says", () => {
    for (const more of ["", "retries: { attempts: 3, perTry: 50ms }", FALLBACK]) {
      for (const guarded of [false, true]) {
        assert.deepEqual(retryPolicy(fraud(more), { streaming: true, guarded }), { attempts: 0 });
      }
    }
  });

  it("without retries in the fleet file tries again only what no server has seen", () => {
    const policy = retryPolicy(fraud(), CALL);
    assert.deepEqual(conditions(policy), ["connect-failure", "refused-stream", "reset-before-request"]);
    assert.equal(policy.perTryTimeout, undefined);
  });

  it("takes attempts and the time of a try from the fleet file", () => {
    const policy = retryPolicy(fraud("retries: { attempts: 3, perTry: 50ms }"), CALL);
    assert.equal(policy.attempts, 3);
    assert.equal(policy.perTryTimeout, "0.05s");
  });

  it("tries again what was shed, what a pod could not answer, and what took too long", () => {
    const words = conditions(retryPolicy(fraud("retries: { attempts: 3, perTry: 50ms }"), CALL));
    for (const word of ["unavailable", "resource-exhausted", "deadline-exceeded", "reset"])
      assert(words.includes(word), word);
  });

  it("does not try again what fails everywhere, unless another model answers", () => {
    const retries = "retries: { attempts: 3, perTry: 50ms }";
    assert(!conditions(retryPolicy(fraud(retries), CALL)).includes("internal"));
    assert(conditions(retryPolicy(fraud(`${retries}\n${FALLBACK}`), GUARDED)).includes("internal"));
  });

  it("means what it says by no attempts: Istio has a policy of its own for routes without one", () => {
    assert.deepEqual(retryPolicy(fraud("retries: { attempts: 0, perTry: 50ms }"), CALL), { attempts: 0 });
  });

  it("has tries enough to reach the fallback, each no longer than what counts as too slow", () => {
    for (const [retries, attempts, perTry] of [
      ["", 2, "0.08s"],
      ["retries: { attempts: 0, perTry: 50ms }", 2, "0.05s"],
      ["retries: { attempts: 1, perTry: 200ms }", 2, "0.08s"],
      ["retries: { attempts: 4, perTry: 50ms }", 4, "0.05s"],
    ] as const) {
      const policy = retryPolicy(fraud(`${FALLBACK}\n${retries}`), GUARDED);
      assert.equal(policy.attempts, attempts, retries);
      assert.equal(policy.perTryTimeout, perTry, retries);
      assert.equal(policy.retryRemoteLocalities, true);
    }
  });

  it("lets tries last as long as the call where nothing says what is too slow", () => {
    const policy = retryPolicy(fraud("fallback: { revision: r0 }"), GUARDED);
    assert.equal(policy.attempts, 2);
    assert.equal(policy.perTryTimeout, undefined);
  });

  it("keeps a pinned call away from the fallback", () => {
    const policy = retryPolicy(fraud(FALLBACK), CALL);
    assert.equal(policy.retryRemoteLocalities, undefined);
    assert(!conditions(policy).includes("internal"));
  });
});
