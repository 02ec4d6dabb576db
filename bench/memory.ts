import type { Child } from "./child.js";
import { startFlotilla } from "./flotilla.js";
import { GrpcCalls } from "./grpc-calls.js";
import { type Kind, type Request, writeBenchFleet } from "./kinds.js";
import { markdownTable, median, writeReport } from "./report.js";

/** Calls that are made in all, at a server whose memory is looked at so many times meanwhile. */
const CALLS = Number(process.env.CALLS ?? 5_000_000);
const FEWEST_CALLS = 500_000;
const SAMPLES = 200;
const IN_FLIGHT = 32;
/** The first samples are those of heaps and pools that still grow to their size. */
const SETTLING = 0.25;
/** 10 MiB for each million calls is 10 bytes for each: less than any object that a call could leave behind. */
const LIMIT_MIB = 10;
/** Lines of the table. */
const LINES = 10;
/** One call in so many is not one that can be answered: what is refused has to leave nothing behind, either. */
const BROKEN_EVERY = 100;

interface Sample {
  readonly millions: number;
  readonly residentMiB: number;
}

/** Makes so many calls over a connection of its own, `IN_FLIGHT` at a time. */
async function makeCalls(address: string, { path, bytes }: Request, count: number): Promise<void> {
  const requests = Array.from({ length: BROKEN_EVERY }, (_, index) => (index === 0 ? Buffer.from([0xff]) : bytes));
  const calls = new GrpcCalls(address, { path, requests, connections: 1 });
  let left = count;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const code = await new Promise<string>((resolve) => calls.make(resolve));
      if (code !== "OK" && code !== "INVALID_ARGUMENT") throw new Error(`${path}: ${code}: ${calls.failure?.details}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  } finally {
    calls.close();
  }
}

async function soak(child: Child, { typed, openInference }: Kind): Promise<Sample[]> {
  const samples: Sample[] = [];
  const each = Math.ceil(CALLS / SAMPLES);
  for (let index = 0; index < SAMPLES; index++) {
    await makeCalls(child.ready.address, index % 2 === 0 ? typed : openInference, each);
    const sample = { millions: ((index + 1) * each) / 1e6, residentMiB: child.residentMiB() };
    samples.push(sample);
    if ((index + 1) % (SAMPLES / 20) === 0)
      process.stderr.write(`${sample.millions.toFixed(2)} million calls: ${sample.residentMiB.toFixed(0)} MiB\n`);
  }
  return samples;
}

/** MiB that a million calls add: the middle of the slopes between all pairs of samples, which no outlier moves (Theil and Sen). */
function growthMiB(samples: readonly Sample[]): number {
  const slopes = samples.flatMap((one, index) =>
    samples.slice(index + 1).map((other) => (other.residentMiB - one.residentMiB) / (other.millions - one.millions)),
  );
  return median(slopes);
}

if (!(CALLS >= FEWEST_CALLS))
  throw new Error(
    `CALLS is ${process.env.CALLS}: below ${FEWEST_CALLS} the heap still grows to its size, which says nothing`,
  );
const fleet = writeBenchFleet();
const [tiny] = fleet.kinds;
const child = await startFlotilla(fleet.folder, tiny!, { batching: true, processes: 1 });
const startMiB = child.residentMiB();
let samples: Sample[];
try {
  samples = await soak(child, tiny!);
} finally {
  await child.stop();
  fleet.remove();
}
const growth = growthMiB(samples.slice(SETTLING * SAMPLES));
const isFlat = growth <= LIMIT_MIB;
const rows = samples
  .filter((_, index) => (index + 1) % (SAMPLES / LINES) === 0)
  .map(({ millions, residentMiB }) => [millions.toFixed(2), residentMiB.toFixed(0)]);
const table = markdownTable(["million calls", "memory, MiB"], [["0", startMiB.toFixed(0)], ...rows]);
const verdict = `${isFlat ? "Flat" : "Growing"}: ${growth.toFixed(1)} MiB for each million calls, after the first quarter; up to ${LIMIT_MIB} counts as flat.`;
writeReport(
  "memory",
  `Resident memory of a server of a tiny model over ${CALLS} calls, typed and OIP in turn, ${IN_FLIGHT} in flight, one in ${BROKEN_EVERY} refused.\n\n${table}\n${verdict}\n`,
);
process.exitCode = isFlat ? 0 : 1;
