import assert from "node:assert/strict";
import { callerFindings } from "../../src/fleet/caller-checks.js";
import { parseFleet } from "../../src/fleet/load.js";
import { ROOT } from "../support/contract-fixture.js";
import { DIGEST } from "./sample.js";

const REVISIONS = `revisions: { r1: { model: models/r1.onnx, sha256: ${DIGEST} } }`;
const INGRESS = "ingress: { via: istio, host: models.example.com, tls: { secret: models-tls } }";

/** What is found in a fleet of contracts that are given as fields in one line. */
function findings(contracts: readonly string[], spec = ""): string[] {
  const text = `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: payments }
spec:
  ${spec}
  contracts:
${contracts.map((fields) => `    - { ${fields}, ${REVISIONS} }`).join("\n")}
`;
  return callerFindings(parseFleet(text, { file: "fleet.yaml", root: ROOT })).map(({ message }) => message);
}

describe("callerFindings()", () => {
  it("finds a contract that nobody may call", () => {
    assert.deepEqual(findings(["name: acme.fraud.v1"]), ["nobody may call acme.fraud.v1"]);
    const closed = "name: acme.fraud.v1, methods: { Predict: { callers: [] } }";
    assert.deepEqual(findings([closed]), ["nobody may call acme.fraud.v1"]);
  });

  it("finds nothing where a caller is listed, for the contract or a method of it", () => {
    assert.deepEqual(findings(["name: acme.fraud.v1, callers: [shop/checkout]"]), []);
    assert.deepEqual(findings(["name: acme.fraud.v1, methods: { Predict: { callers: [shop/checkout] } }"]), []);
  });

  it("finds nothing where the file says that it is nobody yet", () => {
    assert.deepEqual(findings(["name: acme.fraud.v1, callers: []"]), []);
  });

  it("finds nothing where the ingress leads to the contract", () => {
    assert.deepEqual(findings(["name: acme.fraud.v1, ingress: true"], INGRESS), []);
  });

  it("finds nothing where another contract calls it, but that other", () => {
    const found = findings(["name: acme.fraud.v1", "name: acme.shop.v1, calls: [acme.fraud.v1]"]);
    assert.deepEqual(found, ["nobody may call acme.shop.v1"]);
  });
});
