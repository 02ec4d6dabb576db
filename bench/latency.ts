import { Latencies } from "../src/testing/latency.js";
import { type Gaps, gapOf, steadyStage } from "../src/testing/load-profile.js";
import { startFlotilla } from "./flotilla.js";
import { chosenKinds, type Kind, writeBenchFleet } from "./kinds.js";
import { Loaded } from "./loaded.js";
import { installPeer } from "./peers/install-peer.js";
import { PeerServer } from "./peers/peer-server.js";
import { PEERS } from "./peers/peers.js";
import { THREADS } from "./peers/run.js";
import { runBare, startEcho } from "./references.js";
import { markdownTable, median, writeReport } from "./report.js";
import { type Candidate, IN_FLIGHT, loadServer, measureRound, WARM_UP_MS } from "./round.js";
import { latenciesAlone } from "./waiting.js";

/**
 * Latency at a rate that leaves room, beside the model alone, a bare echo and, with `RUST=1`, the server in Rust of
 * bench/peers, which has no garbage to collect. All in turn, in short rounds, of which the middle one counts: a host that
 * stops the machine for some milliseconds, once in a while, is felt by whoever is at work then, and by the calls behind.
 */

/** Share of what a closed loop reaches. */
const LOAD = 0.7;
const CAPACITY_MS = 3000;
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const DURATION_MS = Number(process.env.DURATION_MS ?? 3000);
const WITH_RUST = process.env.RUST === "1";
/** Calls above which the server does not keep up. */
const MAX_IN_FLIGHT = 1024;
/** What p99 may come to above the model's own. */
const LIMIT_MS = 3;

interface Times {
  readonly p50: number;
  readonly p99: number;
}

/** A server, and the calls a second that it gets. */
interface Called {
  readonly server: Candidate;
  readonly rate: number;
}

/** Latencies at a rate, from when each call was sent: in the millisecond it was due in, answered or not those before it. */
async function latencies({ server, rate }: Called, gaps: Gaps): Promise<Times> {
  const { asMeasured } = await loadServer(server, {
    arrivals: { kind: "open", stages: [steadyStage("load", rate, DURATION_MS)], gaps },
    maxInFlight: MAX_IN_FLIGHT,
  });
  return { p50: asMeasured.percentilesMs["50"]!, p99: asMeasured.percentilesMs["99"]! };
}

interface Contest {
  readonly kind: Kind;
  readonly folder: string;
  readonly flotilla: Called;
  readonly others: readonly Called[];
}

/** One round: p99 of a run, of the model alone, Flotilla's p50 and p99, and p99 of each other server. */
async function roundOf({ kind, folder, flotilla, others }: Contest, gaps: Gaps): Promise<number[]> {
  const gap = gapOf(gaps);
  const { runMs } = runBare(kind, folder, { rows: 1, durationMs: DURATION_MS });
  const { p50, p99 } = await latencies(flotilla, gaps);
  const alone = latenciesAlone(runMs, () => (gap() * 1e3) / flotilla.rate);
  const figures = [p99Of(runMs), p99Of(alone), p50, p99];
  for (const other of others) figures.push((await latencies(other, gaps)).p99);
  return figures;
}

function p99Of(latenciesMs: readonly number[]): number {
  const latencies = new Latencies();
  for (const ms of latenciesMs) latencies.record(ms);
  return latencies.percentileMs(99);
}

async function rowOf(contest: Contest, gaps: Gaps): Promise<string[]> {
  const rounds: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await roundOf(contest, gaps));
  const middle = rounds[0]!.map((_, column) => median(rounds.map((round) => round[column]!)));
  const [run, alone, p50, p99, ...others] = middle as [number, number, number, number, ...number[]];
  const figures = [run, alone, p50, p99, p99 - run, p99 - alone, ...others].map((ms) => ms.toFixed(2));
  return [`${contest.kind.name}, ${gaps} gaps`, contest.flotilla.rate.toFixed(0), ...figures];
}

async function startRust(kind: Kind): Promise<PeerServer> {
  const peer = PEERS.find(({ language }) => language === "Rust")!;
  return PeerServer.start(peer, await installPeer(peer), { kind, threads: THREADS, batching: false, workers: 1 });
}

async function rowsOf(kind: Kind, folder: string): Promise<string[][]> {
  const child = await startFlotilla(folder, kind, { batching: false, processes: 1 });
  const server = new Loaded(`Flotilla, ${kind.name}`, child, { path: kind.typed.path, requests: [kind.typed.bytes] });
  const echo = await startEcho(server, folder);
  const rust = WITH_RUST ? await startRust(kind) : undefined;
  const others = [...(rust ? [rust] : []), new Loaded(`bare echo, ${kind.name}`, echo, server.load)];
  try {
    for (const candidate of [server, ...others]) await measureRound(candidate, WARM_UP_MS);
    const flotilla = { server, rate: await bearableRate(server) };
    const called: Called[] = [];
    for (const other of others)
      called.push({ server: other, rate: Math.min(flotilla.rate, await bearableRate(other)) });
    const contest = { kind, folder, flotilla, others: called };
    const rows = [await rowOf(contest, "equal"), await rowOf(contest, "random")];
    process.stderr.write(`${kind.name}\n`);
    return rows;
  } finally {
    await Promise.all([child.stop(), echo.stop(), rust?.stop()]);
  }
}

async function bearableRate(server: Candidate): Promise<number> {
  return LOAD * (await measureRound(server, CAPACITY_MS)).callsPerSecond;
}

const fleet = writeBenchFleet();
const rows: string[][] = [];
try {
  for (const kind of chosenKinds(fleet)) rows.push(...(await rowsOf(kind, fleet.folder)));
} finally {
  fleet.remove();
}
const head = [
  "p99 in ms",
  "calls/s",
  "a run",
  "the model alone",
  "p50",
  "p99",
  "less a run's",
  "less the model's alone",
  ...(WITH_RUST ? ["Rust, tonic"] : []),
  "bare echo",
];
const note = `Latency from when each call was sent, at ${LOAD * 100} per cent of the rate that ${IN_FLIGHT} callers reach, without batching; client and server on the same processors; the middle one of ${ROUNDS} rounds, taken in turn. Calls go out at whole milliseconds, answered or not those before them. The model alone: its runs, where calls come at that rate and wait for those before them. Other servers: at the same rate, or ${LOAD * 100} per cent of what they reach themselves. Wanted: less than ${LIMIT_MS} ms above the model's own 99th percentile.`;
writeReport("latency", `${note}\n\n${markdownTable(head, rows)}`);
