import assert from "node:assert/strict";
import { join } from "node:path";
import { loadFleet } from "../../src/fleet/load.js";
import { DIGEST, FleetFolder, findingsOfText, fleetOf, SAMPLE } from "./sample.js";

const ONE = `r1: { model: m.onnx, sha256: ${DIGEST} }`;
const TWO = `r2: { model: n.onnx, sha256: ${DIGEST} }`;

function contract(...lines: string[]): string {
  return fleetOf(["name: acme.fraud.v1", "revisions:", `  ${ONE}`, `  ${TWO}`, ...lines].join("\n"));
}

describe("loadFleet()", () => {
  it("gives a cohort its shares, in the file's order", () => {
    const folder = new FleetFolder(
      SAMPLE.replace("cohorts: { beta: r2 }", "cohorts: { beta: { r2: 20, r1: 80, r3: 0 } }"),
    );
    try {
      assert.deepEqual(loadFleet(folder.file).contracts[0]!.cohorts.get("beta"), [
        { revision: "r2", weightPercent: 20 },
        { revision: "r1", weightPercent: 80 },
      ]);
    } finally {
      folder.remove();
    }
  });

  it("gives a fleet with defaults filled in, absolute paths, and units as numbers", () => {
    const folder = new FleetFolder(SAMPLE);
    try {
      const fleet = loadFleet(folder.file);
      assert.deepEqual([fleet.root, fleet.name, fleet.namespace], [folder.root, "payments", "models"]);
      const [fraud, digits] = fleet.contracts;
      assert.deepEqual(fraud!.traffic, [
        { revision: "r1", weightPercent: 90 },
        { revision: "r2", weightPercent: 10 },
      ]);
      assert.deepEqual(fraud!.fallback, { revision: "r0", latencyOverMs: 80, consecutiveErrors: 3 });
      assert.deepEqual(fraud!.retries, { attempts: 2, perTryMs: 50, budgetPercent: 20 });
      assert.deepEqual([...fraud!.cohorts], [["beta", [{ revision: "r2", weightPercent: 100 }]]]);
      assert.deepEqual([...fraud!.releases], [["2026-11", "r2"]]);
      assert.deepEqual(fraud!.shadow, { revision: "r3", percent: 20 });
      assert.equal(fraud!.example, join(folder.root, "models/fraud/example.json"));
      assert.equal(fraud!.deadlineMs, 200);
      assert.deepEqual(fraud!.revisions[1], {
        name: "r2",
        model: join(folder.root, "models/fraud/r2.onnx"),
        module: undefined,
        sha256: DIGEST,
        licence: undefined,
        image: undefined,
        source: undefined,
        batching: { maxRows: 32, maxDelayMs: 2, padding: undefined },
        queueSize: 256,
        workers: 2,
        threads: undefined,
        resources: { cpu: 0.5, cpuRequest: 0.5, memoryBytes: 512 * 2 ** 20 },
        replicas: { min: 2, max: 10, cpuUtilizationPercent: 70, inFlight: undefined },
      });
      assert.deepEqual(fraud!.revisions[2]!.queueSize, 8);
      assert.deepEqual(fraud!.revisions[3]!.resources, { cpu: 2, cpuRequest: 0.25, memoryBytes: 2 ** 30 });
      assert.equal(digits!.deadlineMs, 1500);
      assert.equal(digits!.transform, join(folder.root, "models/digits/transform.ts"));
      assert.deepEqual(digits!.traffic, [{ revision: "r1", weightPercent: 100 }]);
    } finally {
      folder.remove();
    }
  });

  it("gives the broker and the bridges with defaults filled in", () => {
    const folder = new FleetFolder(SAMPLE);
    try {
      const { broker, bridges } = loadFleet(folder.file);
      const servers = [{ host: "nats.messaging", port: 4222 }];
      const told = { servers, secret: "nats", tls: true, monitoring: "nats:8222", account: "A" };
      assert.deepEqual(broker, { kind: "nats", sasl: undefined, ...told });
      assert.equal(bridges.length, 1);
      const { window, retries, replicas, resources, ...rest } = bridges[0]!;
      assert.deepEqual(window, { maxSize: 32, maxDelayMs: 10 });
      assert.deepEqual(retries, { attempts: 3, backoffMs: 100, maxBackoffMs: 10_000 });
      assert.deepEqual(replicas, { min: 2, max: 5, scaleOnLag: 1000 });
      assert.deepEqual(resources, { cpu: 1, cpuRequest: 0.1, memoryBytes: 128 * 2 ** 20 });
      assert.deepEqual(rest, {
        name: "fraud-scores",
        contract: "acme.fraud.v1",
        method: "Predict",
        from: { stream: "PAYMENTS", subject: "payments.created.*" },
        to: "payments.scored",
        deadLetter: "payments.failed",
        orderBy: undefined,
        maxInFlight: 128,
        format: "protobuf",
        mode: "structured",
      });
    } finally {
      folder.remove();
    }
  });

  it("gives what the cluster and the mesh have to know", () => {
    const folder = new FleetFolder(SAMPLE);
    try {
      const { images, telemetry, ingress, contracts } = loadFleet(folder.file);
      const [fraud, digits] = contracts;
      assert.deepEqual(images, { repository: "registry.example.com/models", version: "7", pullSecrets: ["registry"] });
      assert.deepEqual([telemetry.scraper, telemetry.samplingPercent], ["monitoring/prometheus", 5]);
      assert.deepEqual([ingress?.host, ingress?.mutual, ingress?.gatewayLabel], ["models.example.com", true, "edge"]);
      assert.deepEqual(fraud!.circuitBreaker, {
        maxRequests: 64,
        consecutiveErrors: 3,
        intervalMs: 2000,
        ejectForMs: 10_000,
        maxEjectedPercent: 80,
      });
      assert.deepEqual([...fraud!.methods], [["PredictStream", { deadlineMs: 600_000, callers: ["shop/stream"] }]]);
      assert.deepEqual(fraud!.objectives, { errorRatePercent: 0.5, p99Ms: 40, hopOverheadMs: 3 });
      assert.deepEqual([fraud!.samplingPercent, digits!.samplingPercent], [50, 5]);
      assert.deepEqual(digits!.revisions[0]!.source, {
        kind: "s3",
        url: "s3://models/digits/r1.onnx",
        endpoint: "https://s3.example.com",
        region: "eu-1",
        secret: "models",
      });
      assert.deepEqual(digits!.delivery, { engine: "argo", stepsPercent: [10, 50], intervalMs: 60_000 });
    } finally {
      folder.remove();
    }
  });

  it("promises nothing that a fleet file does not say", () => {
    const folder = new FleetFolder(contract("traffic: { r1: 100 }"));
    try {
      const { images, ingress, telemetry, contracts } = loadFleet(folder.file);
      const [fraud] = contracts;
      assert.match(`${images.repository}:${images.version}`, /^localhost\/payments:\d+\.\d+\.\d+$/);
      assert.deepEqual([ingress, telemetry.scraper, fraud!.ingress], [undefined, undefined, false]);
      assert.equal(fraud!.releases.size, 0);
      // Nothing is promised beyond the deadline.
      assert.equal(fraud!.objectives.p99Ms, fraud!.deadlineMs);
      assert.equal(fraud!.circuitBreaker.maxEjectedPercent, 50);
    } finally {
      folder.remove();
    }
  });

  it("keeps the file's order of revisions and traffic, of names that look like numbers too", () => {
    const names = ["10", "9", "r1", "2"];
    const revisions = names.map((name) => `  "${name}": { model: m.onnx, sha256: ${DIGEST} }`);
    const text = fleetOf(
      ["name: acme.fraud.v1", "revisions:", ...revisions, 'traffic: { "9": 20, "2": 50, "10": 30 }'].join("\n"),
    );
    const folder = new FleetFolder(text);
    try {
      const [fraud] = loadFleet(folder.file).contracts;
      assert.deepEqual(
        fraud!.revisions.map(({ name }) => name),
        names,
      );
      assert.deepEqual(
        fraud!.traffic.map(({ revision }) => revision),
        ["9", "2", "10"],
      );
    } finally {
      folder.remove();
    }
  });

  it("leaves revisions without a share out of the traffic, so that its first one has calls", () => {
    const folder = new FleetFolder(contract("traffic: { r1: 0, r2: 100 }"));
    try {
      assert.deepEqual(loadFleet(folder.file).contracts[0]!.traffic, [{ revision: "r2", weightPercent: 100 }]);
    } finally {
      folder.remove();
    }
  });

  it("loads the example fleet", () => {
    assert(loadFleet("fleet.yaml").contracts.length >= 5);
  });

  it("tells all findings of a file at once, in the order of its lines", () => {
    const findings = findingsOfText(`apiVersion: flotilla.dev/v2
kind: Fleet
metadata: { name: Payments, namespac: models }
spec:
  contracts:
    - name: acme.Fraud.v1
      callers: [shop]
      revisions:
        r1: { modl: m.onnx, sha256: ${DIGEST} }
        r2: { model: m.onnx, sha256: 12 }
      traffic: { r1: 90, r3: 5 }
`);
    assert.deepEqual(findings, [
      'fleet.yaml:1:13: apiVersion: expected "flotilla.dev/v1", got "flotilla.dev/v2"; write apiVersion: flotilla.dev/v1',
      'fleet.yaml:3:19: metadata.name: expected a name of small letters, digits and hyphens, at most 63, got "Payments"',
      "fleet.yaml:3:29: metadata.namespac: unknown key; did you mean namespace?",
      'fleet.yaml:6:13: spec.contracts[0].name: expected a protobuf package of words in lower case that ends in a version, got "acme.Fraud.v1"; write it as acme.fraud.v1',
      'fleet.yaml:7:17: spec.contracts[0].callers[0]: expected namespace/serviceaccount, got "shop"; write it as shop/checkout',
      "fleet.yaml:9:13: spec.contracts[0].revisions.r1: names neither a model nor a module; write model: with its .onnx file, or module: with a composition's",
      "fleet.yaml:9:15: spec.contracts[0].revisions.r1.modl: unknown key; did you mean model?",
      "fleet.yaml:10:38: spec.contracts[0].revisions.r2.sha256: expected a sha256 as 64 hexadecimal digits, got 12; write what `sha256sum` prints for the model",
      "fleet.yaml:11:16: spec.contracts[0].traffic: adds up to 95, expected 100; give r3 10 instead of 5",
      'fleet.yaml:11:26: spec.contracts[0].traffic.r3: no revision is called "r3"; did you mean r1?',
    ]);
  });
});
