import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Channel } from "../client/call.js";
import { openChannel } from "../client/connect.js";
import { type FoundMethod, findByReflection } from "../client/find-method.js";
import { Reflection } from "../client/reflect.js";
import { shownFile } from "../fleet/findings.js";
import { exceededLimits } from "../testing/comparison-limits.js";
import { comparisonPage } from "../testing/page/comparison-page.js";
import { readRecording } from "../testing/recording.js";
import { type FoundCall, type ReplayRate, replayCalls } from "../testing/replay.js";
import { summarizeComparison } from "../testing/revision-comparison.js";
import { type Tolerances, toTolerances } from "../testing/tolerance.js";
import { comparisonJson, comparisonText } from "./compare-report.js";
import { parseCount, parseLimit } from "./number-options.js";
import { Progress } from "./progress.js";
import { parseDuration, type TlsOptions, toCredentials, withPort, withTlsOptions } from "./target.js";
import { addTolerance, type WrittenTolerances } from "./tolerance-option.js";

interface ReplayCommandOptions extends TlsOptions {
  readonly target: string;
  readonly rate: ReplayRate;
  readonly revision?: string;
  readonly only?: string;
  readonly limit: number;
  readonly maxInFlight: number;
  readonly tolerance?: WrittenTolerances;
  readonly worst: number;
  readonly html?: string;
  readonly maxDisagreement?: number;
  readonly maxSlower?: number;
  readonly deadline: number;
  readonly output: "table" | "json";
}

const REFLECTION_DEADLINE_MS = 10_000;

const HELP = `
Calls begin as far apart as they did when they were recorded, or at a rate of your own: \`--rate 2x\` is twice as fast,
\`--rate 50\` is 50 calls a second. What the target answers is compared with what was recorded.

Exit code: 0 within the limits, 1 a limit is exceeded, or a call fails that was answered when it was recorded.

Examples:
  flotilla replay recorded.binpb --target localhost:8500
  flotilla replay recorded.binpb --target localhost:8500 --rate 100 --revision r2 --max-disagreement 1
  flotilla replay recorded.binpb --target localhost:8500 --rate 10x --html replay.html`;

/** `flotilla replay`: sends recorded calls again, and compares the answers. */
export function createReplayCommand(): Command {
  return withTlsOptions(
    new Command("replay")
      .description("Send the calls of a recording to a server, at their rate or another, and compare the answers.")
      .argument("<recording>", "file that `flotilla record` wrote")
      .requiredOption("--target <host:port>", "server that the calls go to", withPort)
      .option("--rate <rate>", "1x: as recorded, 2x: twice as fast, 50: calls a second", parseRate, {
        kind: "recorded",
        speed: 1,
      } satisfies ReplayRate)
      .option("--revision <name>", "ask for this revision, or for the `recorded` ones (default: the server chooses)")
      .option("--only <contract>", "calls of this contract alone")
      .option("--limit <count>", "calls that are sent at most", parseCount, 10_000)
      .option("--max-in-flight <count>", "calls that may be open; the next one then waits", parseCount, 256)
      .option("--tolerance <field=value>", "how far a field may be off; may be repeated, with --only", addTolerance)
      .option("--worst <count>", "examples that are shown", parseCount, 5)
      .option("--html <file>", "also write a page with charts; it needs nothing else")
      .option("--max-disagreement <percent>", "of the calls, may be answered differently", parseLimit)
      .option("--max-slower <percent>", "that the 99th percentile may be above the recorded one", parseLimit)
      .option("--deadline <duration>", "how long one call may take", parseDuration, 30_000)
      .addOption(new Option("--output <format>", "how to print it").choices(["table", "json"]).default("table"))
      .addHelpText("after", HELP),
  ).action(replay);
}

async function replay(file: string, options: ReplayCommandOptions): Promise<void> {
  if (options.tolerance && options.only === undefined) {
    throw new Error("--tolerance is for fields of one contract: name it with --only");
  }
  const channel = openChannel(options.target, { from: "flotilla-replay", credentials: toCredentials(options) });
  const progress = new Progress("replayed", options.limit);
  let count = 0;
  try {
    const { pairs, latestMs } = await replayCalls(channel, foundCalls(channel, file, options), {
      rate: options.rate,
      maxInFlight: options.maxInFlight,
      revision: options.revision,
      deadlineMs: options.deadline,
      tolerances: tolerancesBy(options),
      onPair: () => progress.show(++count),
    });
    progress.end();
    if (pairs.length === 0)
      throw new Error(`${shownFile(file)} has no call${options.only ? ` of ${options.only}` : ""}`);
    if (latestMs > 0) {
      process.stderr.write(`the rate could not be kept: calls began up to ${latestMs.toFixed(0)} ms late\n`);
    }
    report(file, pairs, options);
  } finally {
    progress.end();
    channel.client.close();
  }
}

function report(file: string, pairs: Awaited<ReturnType<typeof replayCalls>>["pairs"], options: ReplayCommandOptions) {
  const contracts = new Set(pairs.map(({ call }) => call.found.method.parent.file.proto.package));
  const comparison = summarizeComparison(pairs, {
    contract: [...contracts].join(", "),
    revisions: ["recorded", "replayed"],
    worst: options.worst,
    isLocal: false,
  });
  const exceeded = exceededLimits(comparison, {
    disagreementPercent: options.maxDisagreement,
    slowerPercent: options.maxSlower,
  });
  if (options.html !== undefined) {
    const facts = { exceeded, requestsFrom: shownFile(file), takenAt: new Date(), costs: [] };
    writeFileSync(options.html, comparisonPage(comparison, facts));
  }
  const print = options.output === "json" ? comparisonJson : comparisonText;
  process.stdout.write(print({ comparison, exceeded, costs: [] }));
  if (exceeded.length > 0) process.exitCode = 1;
}

async function* foundCalls(
  channel: Channel,
  file: string,
  { only, limit }: ReplayCommandOptions,
): AsyncGenerator<FoundCall> {
  const reflection = new Reflection(channel, { deadlineMs: REFLECTION_DEADLINE_MS });
  const known = new Map<string, FoundMethod>();
  const onCut = (bytes: number) =>
    process.stderr.write(`${shownFile(file)}: its last ${bytes} bytes are no whole call, and are left out\n`);
  let count = 0;
  for await (const recorded of readRecording(file, onCut)) {
    const [service = "", method = ""] = recorded.method.slice(1).split("/");
    if (only !== undefined && service.slice(0, service.lastIndexOf(".")) !== only) continue;
    if (count++ >= limit) return;
    const found = known.get(recorded.method) ?? (await findByReflection(reflection, { contract: service, method }));
    known.set(recorded.method, found);
    yield { recorded, found };
  }
}

function tolerancesBy({ tolerance }: ReplayCommandOptions): (found: FoundMethod) => Tolerances {
  const known = new Map<FoundMethod, Tolerances>();
  return (found) => {
    const tolerances = known.get(found) ?? toTolerances(found.method.output, tolerance ?? {});
    known.set(found, tolerances);
    return tolerances;
  };
}

function parseRate(text: string): ReplayRate {
  const [, number, times] = /^(\d+(?:\.\d+)?)(x?)$/.exec(text) ?? [];
  if (!(Number(number) > 0)) throw new InvalidArgumentError("expected 1x, 2x, … or calls a second, such as 50");
  return times === "x" ? { kind: "recorded", speed: Number(number) } : { kind: "fixed", perSecond: Number(number) };
}
