import { steadyStage } from "../src/testing/load-profile.js";
import { Child } from "./child.js";
import { type Kind, writeBenchFleet } from "./kinds.js";
import { Loaded } from "./loaded.js";
import { runBare, startEcho } from "./references.js";
import { markdownTable, writeReport } from "./report.js";
import { IN_FLIGHT, loadServer, measureRound, WARM_UP_MS } from "./round.js";

/** Share of what a closed loop reaches. */
const LOAD = 0.7;
const CAPACITY_MS = 3000;
const DURATION_MS = Number(process.env.DURATION_MS ?? 10_000);
/** Calls above which the server does not keep up. */
const MAX_IN_FLIGHT = 1024;
/** What p99 may come to above the model's own. */
const LIMIT_MS = 3;

interface Times {
  readonly p50: number;
  readonly p99: number;
}

/** Latencies at a rate, from when each call was sent: in the millisecond it was due in, answered or not those before it. */
async function latencies(server: Loaded, arrivals: { rate: number; gaps: "equal" | "random" }): Promise<Times> {
  const { asMeasured } = await loadServer(server, {
    arrivals: { kind: "open", stages: [steadyStage("load", arrivals.rate, DURATION_MS)], gaps: arrivals.gaps },
    maxInFlight: MAX_IN_FLIGHT,
  });
  return { p50: asMeasured.percentilesMs["50"]!, p99: asMeasured.percentilesMs["99"]! };
}

async function rowsOf(kind: Kind, folder: string): Promise<string[][]> {
  const args = ["serve", folder, "--only", `${kind.contract}/r1`, "--port", "0", "--metrics-port", "0"];
  const child = await Child.start("src/bin/flotilla.js", [...args, "--output", "json", "--log-level", "error"]);
  const load = { path: kind.typed.path, requests: [kind.typed.bytes] };
  const server = new Loaded(`Flotilla, ${kind.name}`, child, load);
  const echo = await startEcho(server, folder);
  const bareEcho = new Loaded(`bare echo, ${kind.name}`, echo, load);
  try {
    for (const candidate of [bareEcho, server]) await measureRound(candidate, WARM_UP_MS);
    const { callsPerSecond } = await measureRound(server, CAPACITY_MS);
    const model = runBare(kind, folder, { rows: 1, durationMs: CAPACITY_MS });
    const modelMs = (model.wallSeconds * 1e3) / model.runs;
    const rows: string[][] = [];
    for (const gaps of ["equal", "random"] as const) {
      const arrivals = { rate: callsPerSecond * LOAD, gaps };
      const own = await latencies(server, arrivals);
      const bare = await latencies(bareEcho, arrivals);
      const figures = [modelMs, model.p99Ms, own.p50, own.p99, own.p99 - model.p99Ms, bare.p99].map((ms) =>
        ms.toFixed(2),
      );
      rows.push([`${kind.name}, ${gaps} gaps`, arrivals.rate.toFixed(0), ...figures]);
    }
    return rows;
  } finally {
    await Promise.all([child.stop(), echo.stop()]);
  }
}

const fleet = writeBenchFleet();
const rows: string[][] = [];
try {
  for (const kind of fleet.kinds) {
    rows.push(...(await rowsOf(kind, fleet.folder)));
    process.stderr.write(`${kind.name}\n`);
  }
} finally {
  fleet.remove();
}
const head = [
  "",
  "calls/s",
  "model alone, ms",
  "its p99, ms",
  "p50, ms",
  "p99, ms",
  "p99 less the model's, ms",
  "p99 of a bare echo, ms",
];
const note = `Latency from when each call was sent, at ${LOAD * 100} per cent of the rate that ${IN_FLIGHT} callers reach without batching; client and server on the same processors. Calls go out at whole milliseconds, answered or not those before them. At random gaps calls also wait for one another, whatever the server. Wanted: less than ${LIMIT_MS} ms above the model's own 99th percentile.`;
writeReport("latency", `${note}\n\n${markdownTable(head, rows)}`);
