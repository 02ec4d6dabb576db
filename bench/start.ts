import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Child } from "./child.js";
import { markdownTable, writeReport } from "./report.js";

/** Starts that are measured; the cheapest counts, as whatever else the machine does only adds. */
const STARTS = Number(process.env.STARTS ?? 5);
/** Copies of a small model in one process. */
const MODELS = [1, 10, 50, 200];
const LIMIT_SECONDS = 1.5;
const SMALLEST = ["fleet.yaml", "--only", "acme.tumor.v1/r1"];

interface Started {
  readonly cpuSeconds: number;
  readonly residentMiB: number;
}

/** Processor time from a process's start until its models are ready, and the memory that it then has. */
async function start(...what: string[]): Promise<Started> {
  const quiet = ["--port", "0", "--metrics-port", "0", "--output", "json", "--log-level", "error"];
  const child = await Child.start("src/bin/flotilla.js", ["serve", ...what, ...quiet]);
  const started = { cpuSeconds: child.cpuSeconds(), residentMiB: child.residentMiB() };
  await child.stop();
  return started;
}

/** A bare repository with so many copies of a model of 1 KB. */
function repository(models: number): string {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-bench-"));
  for (let index = 0; index < models; index++) {
    const version = path.join(folder, `model${index}`, "1");
    mkdirSync(version, { recursive: true });
    cpSync(path.join("models", "tumor", "r2.onnx"), path.join(version, "model.onnx"));
  }
  return folder;
}

const starts: Started[] = [];
for (let index = 0; index < STARTS; index++) starts.push(await start(...SMALLEST));
const cheapest = Math.min(...starts.map(({ cpuSeconds }) => cpuSeconds));
const memory = Math.min(...starts.map(({ residentMiB }) => residentMiB));

const rows: (string | number)[][] = [];
let one: Started | undefined;
for (const models of MODELS) {
  const folder = repository(models);
  const started = await start(folder);
  rmSync(folder, { recursive: true });
  one ??= started;
  const more = models === 1 ? "" : ((started.residentMiB - one.residentMiB) / (models - 1)).toFixed(1);
  rows.push([models, started.cpuSeconds.toFixed(2), started.residentMiB.toFixed(0), more]);
}
const head = ["models of 1 KB in one process", "CPU s to ready", "memory, MiB", "each further model, MiB"];
writeReport(
  "start",
  `Start of the smallest example model: ${cheapest.toFixed(2)} s of processor time to ready, ${memory.toFixed(0)} MiB; the best of ${STARTS}.\n\n${markdownTable(head, rows)}`,
);
if (cheapest > LIMIT_SECONDS) process.stdout.write(`\nOver the limit of ${LIMIT_SECONDS} s.\n`);
