import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
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
import { ModelTelemetry } from "../serving/model-telemetry.js";
import { usableProcessors } from "../serving/processors.js";
import { type ReadSources, ServedRepository } from "../serving/served-repository.js";
import { createLog, LOG_LEVELS, type Log, type LogLevel } from "../telemetry/log.js";
import { Metrics } from "../telemetry/metrics.js";
import { type MetricsEndpoint, startMetricsEndpoint } from "../telemetry/metrics-endpoint.js";
import { PACKAGE_ROOT, VERSION } from "./package-info.js";
import { serveReport } from "./serve-report.js";

interface ServeOptions {
  readonly only: Selection | undefined;
  readonly host: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly maxMessageSize: number;
  readonly drainTimeout: number;
  readonly allowRepositoryControl: boolean;
  readonly logLevel: LogLevel;
  readonly output: "table" | "json";
}

/** Calls that may wait for a model of a bare repository. */
const BARE_QUEUE_SIZE = 128;
const MEBIBYTE = 2 ** 20;
/** Signals that come so soon after the first are the same one. */
const REPEATED_SIGNAL_MS = 500;
/** What timers can count, in seconds. */
const LONGEST_SECONDS = 2_147_483;

/** `flotilla serve`: serves a fleet file or a bare model repository until it is told to end. */
export function createServeCommand(): Command {
  return new Command("serve")
    .description("Serve a fleet file, or a folder of models laid out as <name>/<version>/model.onnx.")
    .argument("[path]", "fleet file, its folder, or a bare model repository", "fleet.yaml")
    .option("--only <contract[/revision]>", "serve this contract, or this revision of it, alone", parseSelection)
    .option("--host <address>", "address to listen on; 0.0.0.0 for callers on other machines", "127.0.0.1")
    .option("--port <port>", "port of gRPC; 0 for any free one", parsePort, PORT.grpc)
    .option("--metrics-port <port>", "port of GET /metrics; 0 for any free one", parsePort, PORT.metrics)
    .option("--max-message-size <MiB>", "largest message, both ways", parsePositive, 64)
    .option(
      "--drain-timeout <seconds>",
      "how long open calls may take once the server is told to end",
      parseSeconds,
      DRAIN_SECONDS,
    )
    .option("--allow-repository-control", "let callers load and unload models over the Open Inference Protocol", false)
    .addOption(new Option("--log-level <level>", "least severity that is logged").choices(LOG_LEVELS).default("info"))
    .addOption(
      new Option("--output <format>", "how to print what is served").choices(["table", "json"]).default("table"),
    )
    .addHelpText(
      "after",
      "\nWith --only contract/revision, FLOTILLA_WORKERS and its like in the environment go before the fleet file.\n\nExamples:\n  flotilla serve\n  flotilla serve fleet.yaml --only acme.tumor.v1/r2 --port 9000\n  flotilla serve ./model_repository",
    )
    .action(serve);
}

async function serve(where: string, options: ServeOptions): Promise<void> {
  const log = createLog(options.logLevel);
  const source = openSource(where, options.only);
  const metrics = new Metrics();
  let server: GrpcServer | undefined;
  const repository = new ServedRepository({
    read: source.read,
    observer: new ModelTelemetry(log, metrics, () => server?.health.update()),
    startsAtOnce: usableProcessors(),
    onChange: () => server?.health.update(),
  });
  await repository.open();
  const endpoint = await listening(options.metricsPort, "--metrics-port", () =>
    startMetricsEndpoint(metrics.registry, options.host, options.metricsPort),
  );
  try {
    server = await listening(options.port, "--port", () => startServer(repository, { metrics, log, options }));
  } catch (error) {
    await endpoint.close();
    throw error;
  }
  const running = { server, endpoint, repository, log, drainTimeoutMs: options.drainTimeout * 1e3 };
  const isEnding = endOnSignal(running);
  log.info({ port: server.port, metricsPort: endpoint.port }, "listening; models are loading");
  await repository.start();
  if (isEnding()) return;
  const { models, contracts } = repository;
  process.stdout.write(
    serveReport({
      models,
      contracts,
      fleet: source.fleet,
      host: options.host,
      port: server.port,
      metricsPort: endpoint.port,
      format: options.output,
      version: VERSION,
    }),
  );
}

async function startServer(
  repository: ServedRepository,
  { metrics, log, options }: { metrics: Metrics; log: Log; options: ServeOptions },
): Promise<GrpcServer> {
  return GrpcServer.start({
    repository,
    host: options.host,
    port: options.port,
    serviceImages: await readServiceImages(),
    metrics,
    log,
    version: VERSION,
    maxMessageBytes: options.maxMessageSize * MEBIBYTE,
    allowRepositoryControl: options.allowRepositoryControl,
  });
}

/** A fleet file where there is one, a bare repository otherwise. */
function openSource(
  where: string,
  selection: Selection | undefined,
): { read: ReadSources; fleet: FleetSpec | undefined } {
  const threads = usableProcessors();
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
  const options = { selection, threads, readImage, environment: process.env };
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

/** Descriptors of the services that are no contract's, made by `make generate`. */
function readServiceImages(): Promise<Uint8Array[]> {
  return Promise.all(
    ["flotilla.binpb", "health.binpb"].map((name) => readFile(path.join(PACKAGE_ROOT, "generated", name))),
  );
}

async function listening<Listener>(port: number, option: string, start: () => Promise<Listener>): Promise<Listener> {
  try {
    return await start();
  } catch (error) {
    const { message } = error as Error;
    if (/EADDRINUSE/.test(message))
      throw new Error(`port ${port} is taken by another program; choose one with ${option}`);
    if (/ENOTFOUND|EADDRNOTAVAIL|EAI_AGAIN/.test(message))
      throw new Error(`--host: this machine has no such address: ${message}`);
    throw error;
  }
}

interface Running {
  readonly server: GrpcServer;
  readonly endpoint: MetricsEndpoint;
  readonly repository: ServedRepository;
  readonly log: Log;
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
    // Programs that wrap others pass one Ctrl-C on a second time.
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

async function end({ server, endpoint, repository, log, drainTimeoutMs }: Running): Promise<void> {
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

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new InvalidArgumentError("expected a port from 0 to 65535");
  return port;
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("expected a positive number");
  return value;
}

function parseSeconds(text: string): number {
  const seconds = parsePositive(text);
  if (seconds > LONGEST_SECONDS) throw new InvalidArgumentError(`expected at most ${LONGEST_SECONDS} seconds`);
  return seconds;
}
