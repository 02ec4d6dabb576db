import type { MeasuredRuns } from "../serving/measure-runs.js";
import type { Measurement, Recommendation } from "../serving/tuning.js";
import { onStdout } from "./colors.js";
import { formatTable } from "./table.js";

/** All that tuning has found out. */
export interface TuneReport extends MeasuredRuns {
  /** `acme.fraud.v1/r1`. */
  readonly model: string;
  readonly processors: number;
  readonly targetMs: number;
  readonly recommendation: Recommendation;
}

/** Characters of the longest bar. */
const CHART_WIDTH = 40;

const NEAR =
  "A run is shorter than the way to a worker: with one worker the server makes runs on its own thread. For more, start it with --processes, or more pods.";

/** For scripts. */
export function tuneJson(report: TuneReport): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** For people: what was measured, a chart of what batches bring, and what to write into the fleet file. */
export function tuneText(report: TuneReport): string {
  const { recommendation, measurements, unbatchable, free, targetMs } = report;
  return [
    onStdout.bold(`${report.model} on ${report.processors} processors`),
    free === undefined ? "" : `free dimensions beside the rows: ${free} each\n`,
    formatTable(
      ["THREADS", "ROWS", "RUN", "1 IN 20 OVER", "ROWS/S OF A WORKER"],
      measurements.map(({ threads, rows, usualMs, slowMs }) => [
        String(threads),
        String(rows),
        `${usualMs.toFixed(3)} ms`,
        `${slowMs.toFixed(3)} ms`,
        ((rows * 1e3) / usualMs).toFixed(0),
      ]),
    ),
    "",
    ...chart(measurements.filter(({ threads }) => threads === recommendation.threads)),
    ...(unbatchable === undefined ? [] : [onStdout.yellow(`calls can't share runs: ${unbatchable}`), ""]),
    onStdout.bold(verdict(report)),
    ...(report.near ? [NEAR] : []),
    "",
    tuneYaml(report),
    recommendation.meetsTarget ? "" : onStdout.red(`no setting keeps to ${targetMs} ms`),
  ].join("\n");
}

function chart(measurements: readonly Measurement[]): string[] {
  const rates = measurements.map(({ rows, usualMs }) => ({ rows, rate: (rows * 1e3) / usualMs }));
  const most = Math.max(...rates.map(({ rate }) => rate));
  const lines = rates.map(({ rows, rate }) => {
    const bar = "█".repeat(Math.max(1, Math.round((rate / most) * CHART_WIDTH)));
    return `${String(rows).padStart(4)} ${onStdout.cyan(bar)} ${rate.toFixed(0)}`;
  });
  return [`rows/s by rows of a run, ${measurements[0]?.threads} threads`, ...lines, ""];
}

function verdict({ recommendation, targetMs }: TuneReport): string {
  const { rowsPerSecond, latencyMs } = recommendation;
  return `for ${targetMs} ms: up to ${rowsPerSecond.toFixed(0)} rows/s, a call within ${Number(latencyMs.toPrecision(2))} ms`;
}

/** The settings as fields of a revision in the fleet file. */
export function tuneYaml({ model, processors, targetMs, recommendation }: TuneReport): string {
  const { maxSize, maxDelayMs, workers, threads } = recommendation;
  return [
    `# ${model}: flotilla tune on ${processors} processors, for ${targetMs} ms`,
    `batching: { maxSize: ${maxSize}, maxDelay: ${maxDelayMs}ms }`,
    `workers: ${workers}`,
    `threads: ${threads}`,
    "",
  ].join("\n");
}
