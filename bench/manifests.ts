import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { synthesize } from "../cdk8s/fleet-app.js";
import { applyPlan, planFolder } from "../cdk8s/manifest-folder.js";
import { openFleet } from "../src/fleet/load.js";
import { fleetMembers } from "../src/fleet/members.js";
import { contractServices } from "../src/fleet/services.js";

/** Contracts of the fleets, two revisions each. */
const SIZES = [10, 100, 1000];
/** What the largest fleet may take, and what a contract of it may cost of one of the fleet before: linear is 1. */
const LIMIT_SECONDS = 10;
const LIMIT_RATIO = 1.2;

interface Row {
  readonly contracts: number;
  readonly loadMs: number;
  readonly servicesMs: number;
  readonly synthesisMs: number;
  readonly writeMs: number;
  readonly totalMs: number;
  readonly files: number;
  readonly bytes: number;
}

/** What `flotilla manifests` does for a fleet, step by step, into an empty folder. */
async function measure(contracts: number): Promise<Row> {
  const root = mkdtempSync(path.join(tmpdir(), "flotilla-bench-"));
  try {
    const names = writeFleet(root, contracts);
    const begun = performance.now();
    const { fleet } = openFleet(path.join(root, "fleet.yaml"));
    const loaded = performance.now();
    const services = await contractServices(root, names);
    const compiled = performance.now();
    const files = synthesize(fleet, fleetMembers(fleet, services));
    const made = performance.now();
    applyPlan(planFolder(path.join(root, "manifests"), fleet.name, files));
    const written = performance.now();
    return {
      contracts,
      loadMs: loaded - begun,
      servicesMs: compiled - loaded,
      synthesisMs: made - compiled,
      writeMs: written - made,
      totalMs: written - begun,
      files: files.length,
      bytes: files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** A fleet on disk: its file, and a .proto for each contract. Returns the contracts' names. */
function writeFleet(root: string, count: number): string[] {
  const names = Array.from({ length: count }, (_, index) => `bench.model${index}.v1`);
  for (const name of names) {
    const folder = path.join(root, "proto", ...name.split("."));
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "service.proto"), protoOf(name));
  }
  writeFileSync(path.join(root, "fleet.yaml"), fleetOf(names));
  return names;
}

function protoOf(contract: string): string {
  return `syntax = "proto3";
package ${contract};
import "flotilla/v1/options.proto";
service ScaleService {
  rpc Predict(PredictRequest) returns (PredictResponse);
  rpc PredictStream(stream PredictRequest) returns (stream PredictResponse);
}
message PredictRequest {
  repeated float x = 1 [(flotilla.v1.tensor) = {name: "x", shape: [-1, 3]}];
}
message PredictResponse {
  repeated float y = 1 [(flotilla.v1.tensor) = {name: "y", shape: [-1, 3]}];
}
`;
}

/** Contracts that use what most do; each but the last calls the next, so that there are hops. */
function fleetOf(names: readonly string[]): string {
  const digest = "0".repeat(64);
  const contracts = names.map((name, index) => {
    const next = names[index + 1];
    return `    - name: ${name}
      callers: [shop/checkout, shop/returns]${next === undefined ? "" : `\n      calls: [${next}]`}
      revisions:
        r1: { model: models/r1.onnx, sha256: "${digest}" }
        r2: { model: models/r2.onnx, sha256: "${digest}" }
      traffic: { r1: 90, r2: 10 }
      cohorts: { beta: r2 }
      retries: { attempts: 2, perTry: 50ms }
`;
  });
  return `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: bench, namespace: models }
spec:
  telemetry: { prometheus: { scraper: monitoring/prometheus } }
  contracts:
${contracts.join("")}`;
}

function toTable(rows: readonly Row[]): string {
  const head = ["contracts", "load", "services", "synthesis", "write", "total", "of a contract", "files", "MiB"];
  const lines = rows.map((row) => {
    const times = [row.loadMs, row.servicesMs, row.synthesisMs, row.writeMs, row.totalMs].map((ms) => ms.toFixed(0));
    const each = (row.totalMs / row.contracts).toFixed(2);
    return [row.contracts, ...times, each, row.files, (row.bytes / 2 ** 20).toFixed(1)];
  });
  return [head, head.map(() => "---:"), ...lines].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

const rows: Row[] = [];
await measure(SIZES[0]!); // Warms up: the first figures are the compiler's.
for (const size of SIZES) rows.push(await measure(size));
const table = `Manifests of fleets with two revisions a contract, into an empty folder; milliseconds.\n\n${toTable(rows)}`;
process.stdout.write(table);
const folder = path.join("generated", "bench");
mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, "manifests.md"), table);
// Said, not failed: a figure of one run on a busy machine proves nothing against the code.
const [before, largest] = rows.slice(-2) as [Row, Row];
const ratio = largest.totalMs / largest.contracts / (before.totalMs / before.contracts);
if (largest.totalMs > LIMIT_SECONDS * 1000) process.stdout.write(`\nOver the limit of ${LIMIT_SECONDS} s.\n`);
if (ratio > LIMIT_RATIO)
  process.stdout.write(`\nA contract of the largest fleet costs ${ratio.toFixed(2)} times one of the fleet before.\n`);
