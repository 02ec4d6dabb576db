import assert from "node:assert/strict";
import { contractMesh } from "../../mesh/contract-mesh.js";
import { memberOf, model } from "../support/members.js";

const SPEC = `telemetry: { prometheus: { scraper: monitoring/prometheus, address: "http://prometheus.monitoring:9090" } }
ingress: { via: istio, host: models.example.com, tls: { secret: models-tls } }`;

function kinds(more: string): string[] {
  const contract = `name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }\n${more}`;
  return contractMesh(memberOf(contract, SPEC)).map(({ kind }) => kind);
}

describe("contractMesh()", () => {
  it("leaves the objects of the traffic to Flagger, and keeps the others", () => {
    assert.deepEqual(kinds("delivery: { engine: flagger }"), ["AuthorizationPolicy", "Sidecar"]);
  });

  it("leads nobody outside to a contract all of whose methods have callers of their own", () => {
    const own = "ingress: true\nmethods: { Predict: { callers: [a/b] }, PredictStream: { callers: [a/b] } }";
    assert.equal(kinds(own).filter((kind) => kind === "VirtualService").length, 1);
    assert.equal(kinds("ingress: true").filter((kind) => kind === "VirtualService").length, 2);
  });
});
