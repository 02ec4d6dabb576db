import assert from "node:assert/strict";
import { bridgeFindings } from "../../src/fleet/bridge-checks.js";
import { parseFleet } from "../../src/fleet/load.js";
import { contractServices } from "../../src/fleet/services.js";
import { ROOT } from "../support/contract-fixture.js";
import { DIGEST } from "./sample.js";

const CONTRACT = "acme.voice.v1";

async function findings(method: string): Promise<string[]> {
  const places =
    "from: { stream: IN, subject: in.taken }, to: { subject: out.scored }, deadLetter: { subject: out.dead }";
  const text = `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: phones }
spec:
  contracts: [{ name: ${CONTRACT}, revisions: { r1: { model: models/r1.onnx, sha256: ${DIGEST} } } }]
  broker: { nats: { servers: [nats://nats.messaging] } }
  bridges: [{ name: scores, contract: ${CONTRACT}, method: ${method}, ${places} }]
`;
  const services = await contractServices(ROOT, [CONTRACT]);
  const found = bridgeFindings(parseFleet(text, { file: "fleet.yaml", root: ROOT }), services);
  return found.map(({ message, fix }) => `${message}; ${fix}`);
}

describe("bridgeFindings()", () => {
  it("finds nothing at a unary method", async () => {
    assert.deepEqual(await findings("Predict"), []);
  });

  it("finds a method that the contract lacks, and says which it has", async () => {
    assert.deepEqual(await findings("Score"), [
      "acme.voice.v1.VoiceService has no method Score; its unary methods are Predict",
    ]);
  });

  it("finds a stream", async () => {
    assert.deepEqual(await findings("PredictStream"), [
      "PredictStream is a stream, and an event is one request with one answer; its unary methods are Predict",
    ]);
  });
});
