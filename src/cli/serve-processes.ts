import cluster, { type Worker } from "node:cluster";
import { AggregatorRegistry } from "prom-client";
import type { Log } from "../telemetry/log.js";
import { startMetricsEndpoint } from "../telemetry/metrics-endpoint.js";
import { REPEATED_SIGNAL_MS } from "./end-signal.js";
import { closeLostConnections } from "./lost-connections.js";

/** How several processes serve behind one port. */
export interface ProcessesOptions {
  readonly count: number;
  readonly host: string;
  readonly metricsPort: number;
  readonly log: Log;
  /** Told once every process serves, with what the first of them says of itself. */
  readonly onServing: (report: string) => void;
}

/** What a process says once it serves. */
interface ServingMessage {
  readonly kind: "serving";
  readonly report: string;
}

/** In a process's environment: the port at which the first process answers for the metrics of all. */
const METRICS_PORT_VARIABLE = "FLOTILLA_SHARED_METRICS_PORT";
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 30_000;

/**
 * Starts this program so many times over; all of them listen at the same port, and connections are dealt out in turn. A
 * process that dies is started again. The first signal drains all of them; a second one ends them at once.
 * @returns resolves with the exit code once all have ended
 */
export async function serveProcesses(options: ProcessesOptions): Promise<number> {
  const { count, host, log } = options;
  const registry = new AggregatorRegistry();
  const page = { contentType: registry.contentType, metrics: () => registry.clusterMetrics() };
  const endpoint = await startMetricsEndpoint(page, { host, port: options.metricsPort });
  const processes = new Processes(endpoint.port, options);
  process.on("SIGTERM", (signal) => processes.end(signal));
  process.on("SIGINT", (signal) => processes.end(signal));
  log.info({ processes: count, metricsPort: endpoint.port }, "starting");
  const code = await processes.run(count);
  await endpoint.close();
  return code;
}

class Processes {
  readonly #metricsPort: number;
  readonly #options: ProcessesOptions;
  readonly #serving = new Set<number>();
  #announced = false;
  #endingSinceMs: number | undefined;
  #code = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  readonly #restarts = new Set<NodeJS.Timeout>();
  #onEnd = (_code: number) => {};

  constructor(metricsPort: number, options: ProcessesOptions) {
    this.#metricsPort = metricsPort;
    this.#options = options;
  }

  run(count: number): Promise<number> {
    for (let index = 0; index < count; index++) this.#start();
    return new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }

  end(signal: NodeJS.Signals): void {
    const nowMs = performance.now();
    if (this.#endingSinceMs === undefined) {
      this.#endingSinceMs = nowMs;
      this.#options.log.info({ signal }, "draining all processes");
      for (const timer of this.#restarts) clearTimeout(timer);
      this.#kill("SIGTERM");
      this.#checkEnd();
    } else if (nowMs - this.#endingSinceMs > REPEATED_SIGNAL_MS) this.#kill("SIGKILL");
  }

  #start(): void {
    const worker = cluster.fork({ [METRICS_PORT_VARIABLE]: String(this.#metricsPort) });
    closeLostConnections(worker.process);
    worker.on("message", (message: ServingMessage) => {
      if (message?.kind === "serving") this.#onServing(worker, message.report);
    });
    worker.on("exit", (code, signal) => this.#onExit(worker, signal ?? code));
  }

  #onServing(worker: Worker, report: string): void {
    this.#serving.add(worker.id);
    this.#backoffMs = FIRST_BACKOFF_MS;
    if (this.#announced || this.#serving.size < this.#options.count) return;
    this.#announced = true;
    this.#options.onServing(report);
  }

  #onExit(worker: Worker, code: number | string): void {
    this.#serving.delete(worker.id);
    if (this.#endingSinceMs !== undefined) {
      if (code !== 0) this.#code = 1;
      this.#checkEnd();
    } else if (!this.#announced) {
      // What keeps one from starting keeps them all: it has said what.
      this.#code = 1;
      this.end("SIGTERM");
    } else this.#restart(worker, code);
  }

  #restart(worker: Worker, code: number | string): void {
    const restartMs = this.#backoffMs;
    this.#options.log.error({ pid: worker.process.pid, code, restartMs }, "a process died; it will be started again");
    this.#backoffMs = Math.min(restartMs * 2, LONGEST_BACKOFF_MS);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#start();
    }, restartMs);
    this.#restarts.add(timer);
  }

  #kill(signal: NodeJS.Signals): void {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
  }

  #checkEnd(): void {
    const alive = Object.values(cluster.workers ?? {}).filter((worker) => worker && !worker.isDead());
    if (alive.length === 0) this.#onEnd(this.#code);
  }
}

/** One of several processes, seen from inside. */
export interface Member {
  /** Where the metrics of all are read. */
  readonly metricsPort: number;
  /** Says that it serves. */
  serving(report: string): void;
}

/** What this process is of `serveProcesses`; undefined where it is the only one, or the first. */
export function thisMember(): Member | undefined {
  const port = process.env[METRICS_PORT_VARIABLE];
  if (!cluster.isWorker || port === undefined) return undefined;
  return {
    metricsPort: Number(port),
    serving: (report) => process.send!({ kind: "serving", report } satisfies ServingMessage),
  };
}

/** Lets the first process read the metrics of this one. */
export function shareMetrics(registry: Parameters<typeof AggregatorRegistry.setRegistries>[0]): void {
  AggregatorRegistry.setRegistries(registry);
  // It listens from its making on.
  new AggregatorRegistry();
}
