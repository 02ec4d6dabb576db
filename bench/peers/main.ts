import { cpus } from "node:os";
import path from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { parseCount } from "../../src/cli/number-options.js";
import { VERSION } from "../../src/cli/package-info.js";
import { writeBenchFleet } from "../kinds.js";
import { writeReport } from "../report.js";
import { IN_FLIGHT, WARM_UP_MS } from "../round.js";
import { installPeer } from "./install-peer.js";
import { ABSENT, PEERS } from "./peers.js";
import { peersReport } from "./report.js";
import { type Result, Results } from "./results.js";
import { runPeers, THREADS } from "./run.js";
import { CONNECTIONS } from "./wires.js";

const NAMES = ["flotilla", ...PEERS.map(({ name }) => name)];
const KINDS = ["tiny", "picture", "MiniLM"];
const FILE = path.join("generated", "bench", "peers.json");

const HELP = `
Installs each peer into .venv-peers/, from PyPI or by Cargo, starts it on the bench's models, and measures it in turn with Flotilla.
Tables go to generated/bench/peers.md, all figures to ${FILE}. What was measured before is kept there, as long as the
peer, the model and the effort are the same: a run that was stopped goes on where it was.

The exit code is 1 where a peer could not be measured.

Examples:
  node dist/bench/peers/main.js
  node dist/bench/peers/main.js --only mlserver kserve --kind tiny
  node dist/bench/peers/main.js --only flotilla --again --rounds 5`;

interface Options {
  readonly only: readonly string[];
  readonly kind: readonly string[];
  readonly again: boolean;
  readonly rounds: number;
  readonly round: number;
}

const command = new Command("bench-peers")
  .description("Measure Flotilla and other servers of ONNX models side by side.")
  .option("--only <names...>", `measure these: ${NAMES.join(", ")}`, oneOf(NAMES), NAMES)
  .option("--kind <names...>", `on these models: ${KINDS.join(", ")}`, oneOf(KINDS), KINDS)
  .option("--again", "measure anew what was measured before", false)
  .option("--rounds <count>", "rounds of each, in turn with Flotilla", parseCount, 3)
  .option("--round <ms>", "how long a round is", parseCount, 1500)
  .addHelpText("after", HELP)
  .action(bench);

async function bench({ only, kind, again, rounds, round }: Options): Promise<void> {
  const effort = { rounds, roundMs: round, compileMs: WARM_UP_MS };
  const results = new Results(FILE, about());
  const fleet = writeBenchFleet();
  let failures = 0;
  try {
    await runPeers({
      fleet,
      kinds: fleet.kinds.filter(({ name }) => kind.some((start) => name.startsWith(start))),
      peers: PEERS.filter(({ name }) => only.includes(name)),
      flotilla: only.includes("flotilla") ? { version: VERSION } : undefined,
      effort,
      results,
      again,
      install: installPeer,
      onResult: (result, kept) => {
        if (result.failure !== undefined) failures += 1;
        process.stderr.write(`${line(result)}${kept ? " (kept; --again measures anew)" : ""}\n`);
      },
    });
  } finally {
    fleet.remove();
  }
  writeReport("peers", peersReport(results.all));
  if (failures > 0) process.exitCode = 1;
}

function about(): unknown {
  return {
    processor: cpus()[0]?.model,
    processors: cpus().length,
    node: process.version,
    inFlight: IN_FLIGHT,
    grpcConnections: CONNECTIONS,
    threadsOfARun: THREADS,
    absent: ABSENT,
  };
}

function line({ kind, batching, title, wire, figures, reference, failure }: Result): string {
  const what = `${kind}, batching ${batching ? "on" : "off"}: ${title} (${wire})`;
  if (!figures || !reference) return `${what}: ${failure}`;
  const [rate, cost] = [figures.callsPerSecond, figures.cpuMicros];
  const ratios = `${(rate / reference.callsPerSecond).toFixed(2)} and ${(cost / reference.cpuMicros).toFixed(2)} times Flotilla's`;
  return `${what}: ${rate.toFixed(0)} calls/s, ${cost.toFixed(0)} us of processor time a call; ${ratios}`;
}

/** Reads one of a list; several come one after the other. */
function oneOf(choices: readonly string[]) {
  return (text: string, before: readonly string[]): string[] => {
    if (!choices.includes(text)) throw new InvalidArgumentError(`expected one of ${choices.join(", ")}`);
    return before === choices ? [text] : [...before, text];
  };
}

// Servers that were started end with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
await command.parseAsync();
