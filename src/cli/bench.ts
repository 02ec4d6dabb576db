import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Channel } from "../client/call.js";
import { CallError } from "../client/call-error.js";
import { openChannel } from "../client/connect.js";
import type { MethodName } from "../client/find-method.js";
import { RawCalls } from "../client/raw-calls.js";
import { type LoadPlan, runLoad } from "../testing/load.js";
import { checkObjective } from "../testing/load-objective.js";
import { addLoadOptions, LOAD_HELP, type LoadOptions, toLoadPlan, toObjectives } from "./bench-load.js";
import { LoadReporter } from "./bench-progress.js";
import { type BenchReport, benchJson, benchJunit, benchText } from "./bench-report.js";
import { addShape, type BenchRequests, openInferenceRequests, typedRequests } from "./bench-request.js";
import { toRequestSource } from "./call-request.js";
import { endSignal } from "./end-signal.js";
import { parseMethodName } from "./method-name.js";
import { parseCount } from "./number-options.js";
import { readServerUsage, type ServerUsage } from "./server-usage.js";
import {
  explain,
  metadataOption,
  parseDuration,
  type TargetOptions,
  targetOption,
  tlsOptions,
  toCredentials,
} from "./target.js";

interface BenchOptions extends TargetOptions, LoadOptions {
  readonly connections: number;
  readonly deadline: number;
  readonly revision?: string;
  readonly protocol: "typed" | "oip";
  readonly rows: number;
  readonly shape?: ReadonlyMap<string, readonly number[]>;
  readonly metrics?: string;
  readonly local?: boolean;
  readonly protoRoot: string;
  readonly junit?: string;
  readonly output: "table" | "json";
}

const HELP = `${LOAD_HELP}

Ctrl-C ends the load early and reports what was measured until then.

Exit code: 0 every objective is kept, 1 one is missed, a call failed, or the load was ended early.

Examples:
  flotilla bench acme.tumor.v1 @models/tumor/samples/request.json
  flotilla bench acme.tumor.v1 @requests.json --rate 500 --duration 30s --metrics http://localhost:8502/metrics
  flotilla bench acme.tumor.v1 --rate 200 --objective p99=50ms --objective errors=0.1% --junit bench.xml
  flotilla bench acme.tumor.v1 --profile ramp --from 50 --to 800 --over 2m --objective p99=50ms
  flotilla bench acme.tumor.v1 --profile spike --from 50 --to 500 --objective spike:errors=5% --objective after:errors=0%
  flotilla bench acme.tumor.v1 --profile soak --rate 100 --duration 480m --objective p99=50ms --output json
  flotilla bench acme.tumor.v1 --protocol oip --revision r2 --rows 8 --concurrency 32 --output json
  flotilla bench resnet --protocol oip --target triton:8001`;

/** `flotilla bench`: makes load on a server, any that speaks gRPC, and says what it sustains. */
export function createBenchCommand(): Command {
  const command = new Command("bench")
    .description("Make calls at a rate or by a number of callers; report rates, latencies and codes; hold objectives.")
    .argument("<contract[/method]>", "acme.fraud.v1; with --protocol oip a model's name")
    .argument("[request]", "JSON, @file with JSON (a list is sent in turn), or - for stdin (default: one made up)")
    .addOption(targetOption());
  addLoadOptions(command)
    .option("--connections <count>", "HTTP/2 connections that calls take in turn", parseCount, 1)
    .addOption(
      new Option("--deadline <duration>", "how long a call may take").argParser(parseDuration).default(10_000, "10s"),
    )
    .option("--revision <name>", "ask for this revision, r2 (default: the server chooses)")
    .addOption(
      new Option("--protocol <name>", "typed service, or Open Inference Protocol")
        .choices(["typed", "oip"])
        .default("typed"),
    )
    .option("--rows <count>", "oip: size of the first dimension where it is free", parseCount, 1)
    .option("--shape <input=sizes>", "oip: an input's shape, input_ids=1,16; may be repeated", addShape)
    .option("--metrics <url>", "the server's metrics page: its processor time a call is reported too")
    .addOption(metadataOption())
    .option("--local", "read the contract from .proto files instead of asking the server")
    .option("--proto-root <folder>", "folder that holds proto/, for --local", ".")
    .option("--junit <file>", "also write the objectives as JUnit XML")
    .addOption(new Option("--output <format>", "how to print the figures").choices(["table", "json"]).default("table"))
    .addHelpText("after", HELP)
    .action((name, argument, options, self) => bench(self, { name, argument, options }));
  for (const option of tlsOptions()) command.addOption(option);
  return command;
}

interface Invocation {
  readonly name: string;
  readonly argument: string | undefined;
  readonly options: BenchOptions;
}

async function bench(command: Command, { name, argument, options }: Invocation): Promise<void> {
  const plan = planned(command, options);
  const connect = { from: "flotilla-bench", credentials: toCredentials(options) };
  const channel = openChannel(options.target, connect);
  let requests: BenchRequests;
  try {
    requests = await toRequests(channel, name, argument, options);
  } catch (error) {
    throw error instanceof CallError ? new Error(explain(error), { cause: error }) : error;
  } finally {
    channel.client.close();
  }
  const calls = new RawCalls(options.target, {
    ...connect,
    ...requests,
    connections: options.connections,
    deadlineMs: options.deadline,
    metadata: options.metadata,
    revision: options.protocol === "typed" ? options.revision : undefined,
  });
  try {
    const report = await measure(calls, requests, { plan, options });
    if (options.junit !== undefined) writeFileSync(options.junit, benchJunit(report));
    process.stdout.write(options.output === "json" ? benchJson(report) : benchText(report));
    if (report.load.isCut || report.objectives.some(({ isKept }) => !isKept)) process.exitCode = 1;
  } finally {
    calls.close();
  }
}

/** Options that do not belong together are wrong usage. */
function planned(command: Command, options: BenchOptions): LoadPlan {
  try {
    return toLoadPlan(options);
  } catch (error) {
    return command.error(`error: ${(error as Error).message}`);
  }
}

function toRequests(
  channel: Channel,
  name: string,
  argument: string | undefined,
  options: BenchOptions,
): Promise<BenchRequests> {
  const call = { metadata: options.metadata, deadlineMs: options.deadline };
  if (options.protocol === "oip") {
    if (argument !== undefined) throw new Error("--protocol oip makes its own request; leave the JSON out");
    const { revision = "", rows, shape = new Map() } = options;
    return openInferenceRequests(channel, name, { version: revision, rows, shapes: shape, call });
  }
  const source = argument === undefined ? undefined : toRequestSource(argument, process.stdin);
  const place = { local: options.local ?? false, protoRoot: options.protoRoot, call };
  return typedRequests(channel, { name: methodName(name), source, place });
}

async function measure(
  calls: RawCalls,
  { path, requests }: BenchRequests,
  { plan, options }: { plan: LoadPlan; options: BenchOptions },
): Promise<BenchReport> {
  const usage: ServerUsage[] = [];
  const takeUsage = async () => {
    if (options.metrics !== undefined) usage.push(await readServerUsage(options.metrics));
  };
  const early = new AbortController();
  void endSignal().then(() => early.abort());
  const reporter = new LoadReporter();
  const load = await runLoad(plan, (done) => calls.make(done), {
    onBegin: async () => {
      await takeUsage();
      calls.forget();
    },
    onEnd: takeUsage,
    onStageEnd: (figures) => reporter.stageEnded(figures),
    onProgress: (progress) => reporter.show(progress),
    signal: early.signal,
  }).finally(() => reporter.end());
  const [before, after] = usage;
  const answered = load.callsPerSecond * load.seconds;
  return {
    target: options.target,
    method: path.slice(1),
    requestBytes: Math.round(requests.reduce((sum, { length }) => sum + length, 0) / requests.length),
    connections: options.connections,
    open: plan.arrivals.kind === "open",
    load,
    objectives: toObjectives(options).map((objective) => checkObjective(objective, load)),
    serverTiming: calls.serverTiming,
    server: before &&
      after && {
        cpuMicrosPerCall: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / answered,
        residentBytes: after.residentBytes,
      },
    failure: calls.failure,
  };
}

function methodName(text: string): MethodName {
  try {
    return parseMethodName(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new Error(`"${text}": ${error.message}`);
    throw error;
  }
}
