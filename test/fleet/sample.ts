import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Finding, FleetError, formatFinding } from "../../src/fleet/findings.js";
import { loadFleet } from "../../src/fleet/load.js";

/** A digest like any other. */
export const DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

/** A fleet file that uses every field, with comments wherever YAML allows them. */
export const SAMPLE = `# yaml-language-server: $schema=docs/fleet.schema.json
# Payments' models.
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: payments, namespace: models } # who we are
spec:
  images: { repository: registry.example.com/models, version: "7", pullSecrets: [registry] }
  mesh: { trustDomain: example.com, namespace: istio-system }
  telemetry:
    prometheus: { scraper: monitoring/prometheus, discovery: operator, address: "http://prometheus.monitoring:9090" }
    tracing: { sampling: 5, provider: otel, collector: observability/otel }
    accessLogs: all
    dashboard: false
  ingress: { via: istio, host: models.example.com, tls: { secret: models-tls, mutual: true }, gateway: { label: edge } }
  releases: { 2026-11: { acme.fraud.v1: r2, acme.digits.v2beta1: r1 } }
  # for all of them
  defaults:
    resources: {cpu: 500m, memory: 512Mi}
    replicas: { min: 2, max: 10, cpuUtilization: 70 }
    deadline: 200ms
    workers: 2
  # what happens in the shop
  broker: { nats: { servers: ["nats://nats.messaging:4222"], secret: nats, tls: true, monitoring: nats:8222, account: A } }
  bridges:
    - name: fraud-scores
      contract: acme.fraud.v1
      method: Predict
      from: { stream: PAYMENTS, subject: payments.created.* }
      to: { subject: payments.scored }
      deadLetter: { subject: payments.failed }
      maxInFlight: 128
      window: { maxSize: 32, maxDelay: 10ms }
      retries: { attempts: 3, backoff: 100ms, maxBackoff: 10s }
      format: protobuf
      mode: structured
      resources: { cpu: 1, cpuRequest: 100m, memory: 128Mi }
      replicas: { min: 2, max: 5 }
      scaleOnLag: 1000
  contracts:
    # stops thieves
    - name: acme.fraud.v1
      owner: payments-risk
      callers: [shop/checkout]   # nobody else gets in
      example: models/fraud/example.json
      revisions:
        # the old one
        r1: { model: models/fraud/r1.onnx, sha256: ${DIGEST} } # good
        r2: { model: models/fraud/r2.onnx, sha256: ${DIGEST}, batching: {maxSize: 32, maxDelay: 2ms} }
        r3: { model: models/fraud/r3.onnx, sha256: ${DIGEST}, threads: 4, queue: {size: 8} }
        r0: { model: models/fraud/r0.onnx, sha256: ${DIGEST}, resources: {cpu: 2, cpuRequest: 250m, memory: 1Gi} }
        # r4 comes in spring
      traffic: { r1: 90, r2: 10 }
      shadow: { revision: r3, percent: 20 }
      cohorts: { beta: r2 }
      fallback: { revision: r0, when: {latencyOver: 80ms, consecutiveErrors: 3} }
      retries: { attempts: 2, perTry: 50ms, budget: 20 }
      circuitBreaker: { maxRequests: 64, consecutiveErrors: 4, interval: 2s, ejectFor: 10s, maxEjected: 80 }
      calls: [acme.digits.v2beta1]
      methods: { PredictStream: { deadline: 10m, callers: [shop/stream] } }
      warmUp: 10s
      objectives: { errorRate: 0.5, p99: 40ms, hopOverhead: 3ms }
      sampling: 50
      ingress: true

    # reads digits
    - name: acme.digits.v2beta1
      transform: models/digits/transform.ts
      deadline: 1.5s
      revisions:
        r1:
          model: models/digits/r1.onnx # trained in May
          sha256: ${DIGEST}
          image: registry.example.com/digits@sha256:${DIGEST}
          source: { s3: s3://models/digits/r1.onnx, endpoint: https://s3.example.com, region: eu-1, secret: models }
          replicas: { inFlight: 8 }
      delivery: { engine: argo, steps: [10, 50], interval: 1m }
      stub: { latency: "p50=20ms,p99=200ms", errors: { UNAVAILABLE: 2, RESOURCE_EXHAUSTED: 0.5 } }
# the end
`;

/** A small fleet file around the lines of one contract, which are indented as they have to be. */
export function fleetOf(contract: string): string {
  const lines = contract.trim().split("\n");
  return `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: payments }
spec:
  contracts:
    - ${lines.join("\n      ")}
`;
}

/** A folder of its own for a test, with a fleet file in it where a text or bytes are given. */
export class FleetFolder {
  readonly root = mkdtempSync(join(tmpdir(), "flotilla-fleet-"));
  readonly file = join(this.root, "fleet.yaml");

  constructor(content?: string | Uint8Array) {
    if (content !== undefined) this.write(content);
  }

  write(content: string | Uint8Array): void {
    writeFileSync(this.file, content);
  }

  /** Findings of the fleet file, each as a line without the folder; empty where it loads. */
  findings(): string[] {
    return findingsOf(() => loadFleet(this.file)).map((finding) => formatFinding(finding).replace(`${this.root}/`, ""));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** What is wrong with a fleet file of this text. */
export function findingsOfText(content: string | Uint8Array): string[] {
  const folder = new FleetFolder(content);
  try {
    return folder.findings();
  } finally {
    folder.remove();
  }
}

/** The findings that something throws; empty where it does not throw. */
export function findingsOf(work: () => unknown): readonly Finding[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof FleetError) return error.findings;
    throw error;
  }
}
