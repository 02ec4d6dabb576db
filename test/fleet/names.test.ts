import assert from "node:assert/strict";
import fc from "fast-check";
import {
  contractSelector,
  LABEL,
  labelValue,
  revisionLabels,
  revisionSelector,
  serviceHost,
  serviceName,
  subsetName,
  workloadName,
} from "../../src/fleet/names.js";

const DNS_LABEL = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_VALUE = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

const letters = [..."abcxyz0189"];
const segment = fc
  .tuple(fc.constantFrom(..."abvz"), fc.array(fc.constantFrom(...letters, "_"), { maxLength: 24 }))
  .map(([first, rest]) => `${first}${rest.join("")}`.replace(/_+$/, "").replace(/__+/g, "_"));
const contract = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 8 }), fc.constantFrom("v1", "v2", "v10beta1"))
  .map(([segments, version]) => [...segments, version].join("."));
const revision = fc
  .tuple(fc.constantFrom(...letters, "R"), fc.array(fc.constantFrom(...letters, ..."RZ._-"), { maxLength: 61 }))
  .map(([first, rest]) => `${first}${rest.join("")}`.replace(/[._-]+$/, ""));

describe("names in the cluster", () => {
  it("read as the contract and the revision do", () => {
    assert.equal(serviceName("acme.fraud.v1"), "acme-fraud-v1");
    assert.equal(serviceName("acme.ocr_detector.v1"), "acme-ocr--detector-v1");
    assert.equal(workloadName("acme.fraud.v1", "r1"), "acme-fraud-v1-r1");
    assert.equal(subsetName("r1"), "r1");
    assert.equal(serviceHost("acme.fraud.v1", "models"), "acme-fraud-v1.models.svc.cluster.local");
  });

  it("end in a hash where they had to be changed or cut, the same in every release", () => {
    assert.equal(subsetName("1.10"), "1-10-aa672d37");
    assert.equal(subsetName("R1"), "r1-a791366f");
    const long = `${"acme.".repeat(20)}v1`;
    assert.equal(serviceName(long), "acme-acme-acme-acme-acme-acme-acme-acme-acme-acme-acme-46baf077");
  });

  it("are names that Kubernetes and Istio take, whatever the contract and the revision are called", () => {
    fc.assert(
      fc.property(contract, revision, (contract, revision) => {
        assert.match(serviceName(contract), DNS_LABEL);
        assert.match(workloadName(contract, revision), DNS_LABEL);
        assert.match(`x${subsetName(revision)}`, /^[a-z][a-z0-9-]{0,63}$/);
        assert.match(subsetName(revision), /^[a-z0-9](.*[a-z0-9])?$/);
        for (const value of Object.values(revisionLabels({ fleet: "f", contract, revision })))
          assert.match(value, LABEL_VALUE);
      }),
      { numRuns: 2000, seed: 3 },
    );
  });

  it("differ where contracts differ", () => {
    fc.assert(
      fc.property(contract, contract, (one, other) => {
        fc.pre(one !== other);
        assert.notEqual(serviceName(one), serviceName(other));
        assert.notEqual(labelValue(one), labelValue(other));
      }),
      { numRuns: 2000, seed: 3 },
    );
    assert.notEqual(serviceName("acme.fraud_x.v1"), serviceName("acme.fraud.x.v1"));
    const long = "acme.".repeat(20);
    assert.notEqual(serviceName(`${long}v1`), serviceName(`${long}v2`));
  });
});

describe("labels", () => {
  it("say what belongs to which contract, revision and fleet", () => {
    assert.deepEqual(revisionLabels({ fleet: "payments", contract: "acme.fraud.v1", revision: "r2" }), {
      "app.kubernetes.io/name": "acme-fraud-v1",
      "app.kubernetes.io/instance": "acme-fraud-v1-r2",
      "app.kubernetes.io/version": "r2",
      "app.kubernetes.io/component": "model",
      "app.kubernetes.io/part-of": "payments",
      "app.kubernetes.io/managed-by": "flotilla",
      "flotilla.dev/contract": "acme.fraud.v1",
      "flotilla.dev/revision": "r2",
      version: "r2",
    });
  });

  it("choose a revision's pods by labels that the pods have", () => {
    const labels = revisionLabels({ fleet: "f", contract: "acme.fraud.v1", revision: "1.10" });
    const selector = revisionSelector("acme.fraud.v1", "1.10");
    for (const [key, value] of Object.entries(selector)) assert.equal(labels[key], value);
    assert.deepEqual(Object.keys(selector), [LABEL.contract, LABEL.revision]);
    assert.deepEqual(contractSelector("acme.fraud.v1"), { [LABEL.contract]: "acme.fraud.v1" });
  });
});
