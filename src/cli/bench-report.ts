import type { ServerTiming } from "../client/hop.js";
import type { Failure } from "../client/raw-calls.js";
import { junitXml } from "../testing/junit.js";
import { type LatencySummary, PERCENTILES } from "../testing/latency.js";
import type { LoadResult, StageFigures } from "../testing/load.js";
import { formatMeasured, type ObjectiveResult } from "../testing/load-objective.js";
import { failedShare } from "../testing/load-tally.js";
import { onStdout } from "./colors.js";
import { formatTable } from "./table.js";

/** All that a benchmark has found out. */
export interface BenchReport {
  readonly target: string;
  readonly method: string;
  readonly requestBytes: number;
  readonly connections: number;
  readonly load: LoadResult;
  /** Whether the load was a rate of calls, and not a number of callers. */
  readonly open: boolean;
  readonly objectives: readonly ObjectiveResult[];
  /** Means of what the server said of itself. */
  readonly serverTiming: ServerTiming | undefined;
  /** The server's processor time for each call, and its memory at the end. */
  readonly server: { readonly cpuMicrosPerCall: number; readonly residentBytes: number } | undefined;
  readonly failure: Failure | undefined;
}

/** For scripts. An objective's value is in ms, per cent or calls a second; null where nothing was measured. */
export function benchJson({ objectives, ...report }: BenchReport): string {
  const verdicts = objectives.map(({ objective, ...verdict }) => ({ objective: objective.text, ...verdict }));
  return `${JSON.stringify({ ...report, objectives: verdicts }, undefined, 2)}\n`;
}

/** For CI: a test for each objective. */
export function benchJunit({ method, load, objectives }: BenchReport): string {
  const cases = objectives.map((result) => ({
    name: result.objective.text,
    className: method,
    seconds: load.seconds,
    failures: result.isKept ? [] : [missText(result)],
    skipped: false,
  }));
  const whole = { name: "lasts to its end", className: method, seconds: load.seconds, skipped: false };
  if (load.isCut) cases.push({ ...whole, failures: [CUT] });
  return junitXml("flotilla bench", [{ name: method, cases }]);
}

const CUT = "the load was ended early";

/** For people. */
export function benchText(report: BenchReport): string {
  const { load, failure } = report;
  const lines = [
    onStdout.bold(`${report.method} at ${report.target}`),
    `${load.callsPerSecond.toFixed(load.callsPerSecond < 100 ? 2 : 0)} calls/s over ${load.seconds.toFixed(1)} s; requests of ${report.requestBytes} bytes on ${report.connections} connection${report.connections === 1 ? "" : "s"}`,
    codes(report),
    ...(failure ? [onStdout.red(`first failure: ${failure.code}: ${failure.details}`)] : []),
    "",
    load.asMeasured.count > 0 ? latencyTable(report) : "no call was answered well",
    ...stageTable(load.stages),
    ...insideServer(report),
    ...usage(report),
    "",
    ...(load.isCut ? [onStdout.red(CUT)] : []),
    ...report.objectives.map(objectiveText),
    "",
  ];
  return lines.join("\n");
}

function codes({ load: { codes: counts, notSent } }: BenchReport): string {
  const parts = Object.entries(counts).map(([code, count]) =>
    code === "OK" ? onStdout.green(`${code} ${count}`) : onStdout.red(`${code} ${count}`),
  );
  if (notSent > 0) parts.push(onStdout.red(`not sent ${notSent} (too many were open)`));
  return parts.join("  ");
}

function latencyTable({ load, open }: BenchReport): string {
  const head = ["", "LATENCY", open ? "FROM SENDING" : "AS MEASURED", ...(open ? ["SENT LATE BY"] : [])];
  const columns = [load.latency, load.asMeasured, ...(open ? [load.lateness] : [])];
  const row = (name: string, value: (summary: LatencySummary) => number) => [
    name,
    ...columns.map((summary) => `${formatMs(value(summary))} ms`),
  ];
  const note = open
    ? "latency: from the time a call was due"
    : "latency: corrected for the calls that waiting callers did not make";
  return [
    formatTable(head, [
      row("mean", ({ meanMs }) => meanMs),
      ...PERCENTILES.map((each) => row(`p${each}`, ({ percentilesMs }) => percentilesMs[String(each)]!)),
      row("max", ({ maxMs }) => maxMs),
    ]),
    onStdout.dim(note),
  ].join("\n");
}

/** A profile's stages, one after the other: what changes from one to the next. */
function stageTable(stages: readonly StageFigures[]): string[] {
  if (stages.length === 0 || stages[0]!.stage.name === "") return [];
  const rows = stages.map((figures) => {
    const { stage, latency, callsPerSecond } = figures;
    const { fromRate, toRate } = stage;
    const asked = fromRate === toRate ? rate(fromRate) : `${rate(fromRate)} to ${rate(toRate)}`;
    const times = [latency.percentilesMs["50"]!, latency.percentilesMs["99"]!, latency.maxMs];
    const failed = failedShare(figures);
    return [
      stage.name,
      asked,
      rate(callsPerSecond),
      ...times.map((spentMs) => (latency.count === 0 ? "" : `${formatMs(spentMs)} ms`)),
      failed > 0 ? onStdout.red(`${Number((failed * 100).toPrecision(3))} %`) : "",
    ];
  });
  return ["", formatTable(["STAGE", "ASKED/S", "ANSWERED/S", "P50", "P99", "MAX", "FAILED"], rows)];
}

function rate(callsPerSecond: number): string {
  return String(Number(callsPerSecond.toPrecision(4)));
}

function objectiveText(result: ObjectiveResult): string {
  const { objective, isKept, value } = result;
  if (isKept) return onStdout.green(`kept    ${objective.text}: ${formatMeasured(objective, value)}`);
  return onStdout.red(`missed  ${missText(result)}`);
}

function missText({ objective, value, missed }: ObjectiveResult): string {
  const names = missed.filter((name) => name !== "");
  const where = names.length === 0 ? "" : `, in stage${names.length === 1 ? "" : "s"} ${names.join(", ")}`;
  return `${objective.text}: ${formatMeasured(objective, value)}${where}`;
}

function insideServer({ serverTiming }: BenchReport): string[] {
  if (!serverTiming) return [];
  const stages = (["queue", "batch", "infer", "codec", "total"] as const)
    .map((stage) => [stage, serverTiming[`${stage}Ms`]] as const)
    .filter(([, spentMs]) => spentMs !== undefined)
    .map(([stage, spentMs]) => `${stage} ${formatMs(spentMs!)}`);
  return ["", `inside the server, mean in ms: ${stages.join(", ")}`];
}

function usage({ server }: BenchReport): string[] {
  if (!server) return [];
  const memory = `${(server.residentBytes / 2 ** 20).toFixed(0)} MiB of memory`;
  return ["", `server: ${server.cpuMicrosPerCall.toFixed(0)} us of processor time a call, ${memory}`];
}

function formatMs(spentMs: number): string {
  return spentMs >= 100 ? spentMs.toFixed(0) : spentMs.toFixed(spentMs >= 10 ? 1 : 3);
}
