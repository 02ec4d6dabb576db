import { markdownTable } from "../report.js";
import type { Round } from "../round.js";
import { ABSENT, PEERS } from "./peers.js";
import type { Result } from "./results.js";

const HEAD = [
  "batching",
  "called by",
  "workers",
  "calls/s, of Flotilla's",
  "CPU a call, of Flotilla's",
  "calls/s",
  "CPU us a call",
  "p50 ms",
  "p99 ms",
];

/** The tables, one for each kind of model, and what is not in them. */
export function peersReport(results: readonly Result[]): string {
  const kinds = [...new Set(results.map(({ kind }) => kind))];
  const tables = kinds.map((kind) =>
    kindTable(
      kind,
      results.filter((result) => result.kind === kind),
    ),
  );
  return [...tables, missing(results)].join("\n");
}

function kindTable(kind: string, results: readonly Result[]): string {
  const rows = [false, true].flatMap((batching) => {
    const measured = results.filter((result) => result.batching === batching && result.figures && result.reference);
    const own = measured.find(({ peer }) => peer === "flotilla");
    const first = own ? [row({ ...own, wire: "OIP, gRPC", figures: own.reference })] : [];
    return [...first, ...inOrder(measured).map(row)];
  });
  return markdownTable([kind, ...HEAD], rows);
}

/** As they are listed, Flotilla first. */
function inOrder(results: readonly Result[]): Result[] {
  const place = ({ peer }: Result) => PEERS.findIndex(({ name }) => name === peer);
  return [...results].sort((a, b) => place(a) - place(b));
}

function row(result: Result): string[] {
  const { title, batching, wire, workers } = result;
  const [figures, reference] = [result.figures as Round, result.reference as Round];
  return [
    title,
    batching ? "on" : "off",
    wire,
    String(workers),
    (figures.callsPerSecond / reference.callsPerSecond).toFixed(2),
    (figures.cpuMicros / reference.cpuMicros).toFixed(2),
    figures.callsPerSecond.toFixed(0),
    figures.cpuMicros.toFixed(0),
    figures.p50Ms.toFixed(1),
    figures.p99Ms.toFixed(1),
  ];
}

function missing(results: readonly Result[]): string {
  const failed = results
    .filter(({ failure }) => failure !== undefined)
    .map(({ title, kind, batching, failure }) => `${title}, ${kind}, batching ${batching ? "on" : "off"}: ${failure}`);
  const unable = PEERS.filter(({ batching }) => !batching).map(({ title }) => `${title}, batching on: it has none`);
  const absent = ABSENT.map(({ title, reason }) => `${title}: ${reason}`);
  return ["Not measured:\n", ...[...failed, ...unable, ...absent].map((line) => `- ${line}`), ""].join("\n");
}
