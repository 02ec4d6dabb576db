import assert from "node:assert/strict";
import { statusText } from "../../src/cli/kubectl/status-text.js";
import { contractStatus } from "../../src/kubectl/status.js";
import { routed } from "../support/routed.js";

describe("contractStatus()", () => {
  it("says which revision each release has, and of one without other calls that it is there for them", () => {
    const releases = { spec: "releases: { old: { acme.fraud.v1: r1 }, new: { acme.fraud.v1: r2 } }" };
    const contract = routed(releases, "traffic: { r1: 100 }");
    const objects = { ...contract, contract: "acme.fraud.v1", namespace: "models", ingress: [] };
    const observed = { objects, situation: contract.situation };
    const status = contractStatus({ observed, pods: [], figures: undefined });
    assert.deepEqual(status.releases, { old: "r1", new: "r2" });
    const roles = Object.fromEntries(status.revisions.map(({ revision, role }) => [revision, role]));
    assert.deepEqual(roles, { r0: "idle", r1: "stable", r2: "release", r3: "idle" });
    assert.match(statusText([status], { wide: false }), /^ {2}release {3}old has r1\n {2}release {3}new has r2$/m);
  });
});
