import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { loadFleet } from "../fleet/load.js";
import { PORT } from "../fleet/names.js";
import { contractImage } from "../fleet/protos.js";
import { CLOSE_LIMIT_SECONDS, DRAIN_SECONDS } from "../fleet/shutdown.js";
import type { FleetSpec } from "../fleet/spec.js";
import { GrpcServer } from "../grpc/server.js";
import { bareSources } from "../serving/bare-sources.js";
import { fleetSources, type Selection } from "../serving/fleet-sources.js";
import { MemoryBudget } from "../serving/memory-budget.js";
import { ModelTelemetry } from "../serving/model-telemetry.js";
import { usableProcessors } from "../serving/processors.js";
import { type ReadSources, ServedRepository } from "../serving/served-repository.js";
import { createLog, LOG_LEVELS, type Log, type LogLevel } from "../telemetry/log.js";
import { Metrics } from "../telemetry/metrics.js";
import { type MetricsEndpoint, startMetricsEndpoint } from "../telemetry/metrics-endpoint.js";
import { createCompose } from "./compose.js";
import { REPEATED_SIGNAL_MS } from "./end-signal.js";
import { listening } from "./listening.js";
import { parseCount, parsePort, parsePositive, parseSize } from "./number-options.js";
import { VERSION } from "./package-info.js";
import { ProcessMember, shareMetrics } from "./process-member.js";
import { serveProcesses } from "./serve-processes.js";
import { serveReport } from "./serve-report.js";
import { readServiceImages } from "./service-images.js";

interface ServeOptions {
  readonly only: Selection | undefined;
  readonly callee: ReadonlyMap<string, string>;
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly processes: number;
  /** Bytes. */
  readonly memoryBudget?: number;
  readonly maxMessageSize: number;
  readonly drainTimeout: number;
  readonly maxConnectionAge?: number;
  readonly keepalive: number;
  readonly allowRepositoryControl: boolean;
  readonly logLevel: LogLevel;
  readonly output: "table" | "json";
}

/** Calls that may wait for a model of a bare repository. */
const BARE_QUEUE_SIZE = 128;
const MEBIBYTE = 2 ** 20;
/** A caller's machine that is gone without a word is noticed after so long. */
const KEEPALIVE_SECONDS = 60;
/** What timers can count, in seconds. */
const LONGEST_SECONDS = 2_147_483;

/** `flotilla serve`: serves a fleet file or a bare model repository until it is told to end. */
export function createServeCommand(): Command {
  return new Command("serve")
    .description("Serve a fleet file, or a folder of models laid out as <name>/<version>/model.onnx.")
    .argument("[path]", "fleet file, its folder, or a bare model repository", "fleet.yaml")
    .option("--only <contract[/revision]>", "serve this contract, or this revision of it, alone", parseSelection)
    .option(
      "--callee <contract=host:port>",
      "where a contract is that a composition calls and this server does not serve; may be repeated",
      addCallee,
      new Map<string, string>(),
    )
    .option("--host <address>", "address to listen on; 0.0.0.0 for callers on other machines", "127.0.0.1")
    .option("--port <port>", "port of gRPC; 0 for any free one", parsePort, PORT.grpc)
    .option("--metrics-port <port>", "port of GET /metrics; 0 for any free one", parsePort, PORT.metrics)
    .addOption(
      new Option("--processes <count>", "processes that serve behind the port, each with the models")
        .argParser(parseCount)
        .env("FLOTILLA_PROCESSES")
        .default(1),
    )
    .option(
      "--memory-budget <size>",
      "what the loaded models may take together, such as 2Gi: those that were used longest ago are unloaded, and loaded again by the next call (default: all stay loaded)",
      parseSize,
    )
    .option("--max-message-size <MiB>", "largest message, both ways", parsePositive, 64)
    .option(
      "--drain-timeout <seconds>",
      "how long open calls may take once the server is told to end",
      parseSeconds,
      DRAIN_SECONDS,
    )
    .addOption(
      new Option(
        "--max-connection-age <seconds>",
        "how long a caller's connection is used before it is told to open another; for balancing without a mesh (default: for ever)",
      )
        .argParser(parseSeconds)
        .env("FLOTILLA_MAX_CONNECTION_AGE"),
    )
    .option(
      "--keepalive <seconds>",
      "silence after which a caller is asked whether it is there, or else forgotten",
      parseSeconds,
      KEEPALIVE_SECONDS,
    )
    .option("--allow-repository-control", "let callers load and unload models over the Open Inference Protocol", false)
    .addOption(new Option("--log-level <level>", "least severity that is logged").choices(LOG_LEVELS).default("info"))
    .addOption(
      new Option("--output <format>", "how to print what is served").choices(["table", "json"]).default("table"),
    )
    .addHelpText(
      "after",
      "\nWith --only contract/revision, FLOTILLA_WORKERS and its like in the environment go before the fleet file.\n\nExamples:\n  flotilla serve\n  flotilla serve fleet.yaml --only acme.tumor.v1/r2 --port 9000\n  flotilla serve fleet.yaml --only acme.ocr.v1 --callee acme.ocr_detector.v1=gpu1:8500 --callee acme.ocr_recognizer.v1=gpu2:8500\n  flotilla serve ./model_repository --memory-budget 2Gi",
    )
    .action(serve);
}

async function serve(where: string, options: ServeOptions): Promise<void> {
  const log = createLog(options.logLevel);
  const member = ProcessMember.ofThisProcess();
  if (options.processes > 1 && !member) return serveTogether(where, options, log);
  return serveAlone(where, options, { log, member });
}

/** The first of several processes: it serves nothing itself. */
async function serveTogether(where: string, options: ServeOptions, log: Log): Promise<void> {
  if (options.allowRepositoryControl)
    throw new Error(
      "--allow-repository-control: of several processes only one would load the model; leave --processes out",
    );
  // Said once, not by each process.
  openSource(where, options);
  const { processes: count, host, port, metricsPort } = options;
  const onServing = (report: string) => void process.stdout.write(report);
  const code = await listening(metricsPort, "--metrics-port", () =>
    serveProcesses({ count, host, port, metricsPort, log, onServing }),
  );
  process.exit(code);
}

async function serveAlone(
  where: string,
  options: ServeOptions,
  { log, member }: { log: Log; member: ProcessMember | undefined },
): Promise<void> {
  const source = openSource(where, options);
  const metrics = new Metrics();
  const budget = createBudget(options, metrics);
  let server: GrpcServer | undefined;
  let port: number | undefined;
  const onChange = () => server?.health.update();
  const repository: ServedRepository = new ServedRepository({
    read: source.read,
    observer: new ModelTelemetry(log, metrics, onChange),
    startsAtOnce: usableProcessors(),
    compose: createCompose({
      metrics,
      log,
      ownAddress: (contract) => {
        const serves = repository.contracts.some(({ name }) => name === contract);
        return serves
          ? `${options.host === "0.0.0.0" ? "127.0.0.1" : options.host}:${port ?? options.port}`
          : undefined;
      },
    }),
    ...(budget && { budget }),
    onChange,
  });
  await repository.open();
  const endpoint = member
    ? sharedEndpoint(metrics, member)
    : await listening(options.metricsPort, "--metrics-port", () =>
        startMetricsEndpoint(metrics.registry, { host: options.host, port: options.metricsPort }),
      );
  // Connections are dealt out to all that can answer.
  if (member) await repository.start();
  try {
    server = await listening(options.port, "--port", () => startServer(repository, { metrics, log, options, member }));
  } catch (error) {
    await endpoint.close();
    throw error;
  }
  const running = { server, endpoint, repository, log, member, drainTimeoutMs: options.drainTimeout * 1e3 };
  const isEnding = endOnSignal(running);
  port = member ? await member.listen((socket) => server!.accept(socket), onChange) : server.port;
  log.info({ port, metricsPort: endpoint.port }, "listening");
  if (!member) await repository.start();
  if (isEnding()) return;
  const { models, contracts } = repository;
  const report = serveReport({
    models,
    contracts,
    fleet: source.fleet,
    host: options.host,
    port,
    metricsPort: endpoint.port,
    format: options.output,
    version: VERSION,
  });
  if (member) member.serving(report);
  else process.stdout.write(report);
}

/** What the models of this process may take: of several processes, each has its share. */
function createBudget({ memoryBudget, processes }: ServeOptions, metrics: Metrics): MemoryBudget | undefined {
  if (memoryBudget === undefined) return undefined;
  const budget = new MemoryBudget(memoryBudget / processes);
  metrics.memoryBudget.set(budget.limitBytes);
  return budget;
}

/** The metrics of one of several processes are read through the first. */
function sharedEndpoint(metrics: Metrics, { metricsPort }: ProcessMember): MetricsEndpoint {
  shareMetrics(metrics.registry);
  return { port: metricsPort, close: async () => {} };
}

async function startServer(
  repository: ServedRepository,
  {
    metrics,
    log,
    options,
    member,
  }: { metrics: Metrics; log: Log; options: ServeOptions; member: ProcessMember | undefined },
): Promise<GrpcServer> {
  return GrpcServer.start({
    repository,
    address: member ? undefined : { host: options.host, port: options.port },
    healthOfAll: member,
    serviceImages: await readServiceImages(),
    metrics,
    log,
    version: VERSION,
    maxMessageBytes: options.maxMessageSize * MEBIBYTE,
    connections: {
      maxAgeMs: options.maxConnectionAge === undefined ? undefined : options.maxConnectionAge * 1e3,
      keepaliveMs: options.keepalive * 1e3,
    },
    allowRepositoryControl: options.allowRepositoryControl,
  });
}

/** A fleet file where there is one, a bare repository otherwise. */
function openSource(
  where: string,
  { only: selection, processes, callee: addresses }: Pick<ServeOptions, "only" | "processes" | "callee">,
): { read: ReadSources; fleet: FleetSpec | undefined } {
  const threads = Math.max(1, Math.floor(usableProcessors() / processes));
  if (where.endsWith(".onnx"))
    throw new Error(
      `${where} is a model: give it a contract with \`flotilla add ${where} --as acme.name.v1\`, then serve the fleet file`,
    );
  const folder = existsSync(where) && statSync(where).isDirectory();
  const file = folder ? path.join(where, "fleet.yaml") : where;
  if (folder && !existsSync(file)) {
    if (selection) throw new Error(`--only: ${where} is a bare model repository, which is served whole`);
    return { read: () => bareSources(path.resolve(where), { threads, queueSize: BARE_QUEUE_SIZE }), fleet: undefined };
  }
  const fleet = loadFleet(file);
  checkSelection(fleet, file, selection);
  const readImage = (contract: string) => contractImage(fleet.root, contract);
  const options = { selection, threads, readImage, environment: process.env, addresses };
  return { read: () => fleetSources(loadFleet(file), options), fleet };
}

function checkSelection(fleet: FleetSpec, file: string, selection: Selection | undefined): void {
  if (!selection) return;
  const contract = fleet.contracts.find((candidate) => candidate.name === selection.contract);
  if (!contract)
    throw new Error(
      `--only: ${file} has no contract "${selection.contract}"; it has ${fleet.contracts.map(({ name }) => name).join(", ")}`,
    );
  if (selection.revision && !contract.revisions.some((revision) => revision.name === selection.revision)) {
    throw new Error(
      `--only: ${contract.name} has no revision "${selection.revision}"; it has ${contract.revisions.map(({ name }) => name).join(", ")}`,
    );
  }
}

interface Running {
  readonly server: GrpcServer;
  readonly endpoint: MetricsEndpoint;
  readonly repository: ServedRepository;
  readonly log: Log;
  readonly member: ProcessMember | undefined;
  readonly drainTimeoutMs: number;
}

/**
 * The first signal drains; a second one ends at once.
 * @returns whether a signal has come
 */
function endOnSignal(running: Running): () => boolean {
  let draining = false;
  let sinceMs = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (draining && performance.now() - sinceMs < REPEATED_SIGNAL_MS) return;
    if (draining) cutOff();
    draining = true;
    sinceMs = performance.now();
    running.log.info({ signal }, "draining: no new calls, open ones are answered");
    void end(running);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return () => draining;
}

/** Not `process.exit`: during a run of ONNX Runtime it aborts the process with a core dump. */
function cutOff(): void {
  process.kill(process.pid, "SIGKILL");
}

async function end({ server, endpoint, repository, log, member, drainTimeoutMs }: Running): Promise<void> {
  member?.leave();
  const clean = await server.drain(drainTimeoutMs);
  if (!clean) log.warn({ drainTimeoutMs }, "calls were still open when the time to drain was over; they were cut off");
  const busy = setTimeout(() => {
    log.warn("a run of a model goes on and can't be stopped; the process is ended");
    cutOff();
  }, CLOSE_LIMIT_SECONDS * 1e3);
  await repository.close();
  clearTimeout(busy);
  await endpoint.close();
  log.info("ended");
  // No worker is left that it could interrupt, and a connection that never said a word would keep the process alive.
  process.exit(0);
}

function parseSelection(text: string): Selection {
  const [contract, revision, ...rest] = text.split("/");
  if (!contract || revision === "" || rest.length > 0)
    throw new InvalidArgumentError("expected a contract or contract/revision, such as acme.fraud.v1/r2");
  return { contract, revision };
}

function addCallee(text: string, known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, contract, address] = /^([\w.]+)=(.+:\d+)$/.exec(text) ?? [];
  if (contract === undefined || address === undefined)
    throw new InvalidArgumentError("expected contract=host:port, such as acme.fraud.v1=localhost:8501");
  return new Map([...known, [contract, address]]);
}

function parseSeconds(text: string): number {
  const seconds = parsePositive(text);
  if (seconds > LONGEST_SECONDS) throw new InvalidArgumentError(`expected at most ${LONGEST_SECONDS} seconds`);
  return seconds;
}
