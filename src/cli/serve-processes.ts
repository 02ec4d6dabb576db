import cluster, { type Worker } from "node:cluster";
import { AggregatorRegistry } from "prom-client";
import type { Log } from "../telemetry/log.js";
import { startMetricsEndpoint } from "../telemetry/metrics-endpoint.js";
import { ConnectionDealer } from "./connection-dealer.js";
import { REPEATED_SIGNAL_MS } from "./end-signal.js";
import { listening } from "./listening.js";
import { METRICS_PORT_VARIABLE } from "./process-member.js";
import type { FromMember, ToMember } from "./process-messages.js";

/** How several processes serve behind one port. */
export interface ProcessesOptions {
  readonly count: number;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly metricsPort: number;
  readonly log: Log;
  /** Told once every process serves, with what the first of them says of itself. */
  readonly onServing: (report: string) => void;
}

const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 30_000;

/**
 * Starts this program so many times over, and deals the connections that come to one port out to them. A process that
 * dies is started again. The first signal drains all of them; a second one ends them at once.
 * @returns resolves with the exit code once all have ended
 * @throws Error where a port can't be had
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
  try {
    return await processes.run(count);
  } finally {
    await endpoint.close();
  }
}

class Processes {
  readonly #metricsPort: number;
  readonly #options: ProcessesOptions;
  readonly #dealer = new ConnectionDealer();
  /** Undefined before the first process is ready. */
  #port: Promise<number> | undefined;
  readonly #serving = new Set<Worker>();
  /** Services that do not serve, by the process in which they don't. */
  readonly #down = new Map<Worker, readonly string[]>();
  #announced = false;
  #endingSinceMs: number | undefined;
  #code = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  readonly #restarts = new Set<NodeJS.Timeout>();
  #failure: unknown;
  #onEnd = () => {};

  constructor(metricsPort: number, options: ProcessesOptions) {
    this.#metricsPort = metricsPort;
    this.#options = options;
  }

  run(count: number): Promise<number> {
    for (let index = 0; index < count; index++) this.#start();
    return new Promise((resolve, reject) => {
      this.#onEnd = () => (this.#failure === undefined ? resolve(this.#code) : reject(this.#failure));
    });
  }

  end(signal: NodeJS.Signals): void {
    const nowMs = performance.now();
    if (this.#endingSinceMs === undefined) {
      this.#endingSinceMs = nowMs;
      this.#options.log.info({ signal }, "draining all processes");
      this.#dealer.close();
      for (const timer of this.#restarts) clearTimeout(timer);
      this.#kill("SIGTERM");
      this.#checkEnd();
    } else if (nowMs - this.#endingSinceMs > REPEATED_SIGNAL_MS) this.#kill("SIGKILL");
  }

  #start(): void {
    const worker = cluster.fork({ [METRICS_PORT_VARIABLE]: String(this.#metricsPort) });
    worker.on("message", (message: FromMember) => this.#onMessage(worker, message));
    worker.on("exit", (code, signal) => this.#onExit(worker, signal ?? code));
  }

  #onMessage(worker: Worker, message: FromMember): void {
    // What it said last may come after its end.
    if (worker.isDead()) return;
    switch (message?.kind) {
      case "ready":
        void this.#onReady(worker);
        return;
      case "serving":
        this.#onServing(worker, message.report);
        return;
      case "taken":
        this.#dealer.taken(worker, message.connection);
        return;
      case "closed":
        this.#dealer.closed(worker);
        return;
      case "down":
        this.#down.set(worker, message.services);
        this.#tellDown();
        return;
      case "leaving":
        this.#dealer.leave(worker);
        this.#forgetDown(worker);
    }
  }

  /** Callers can't connect before a process can answer them. */
  async #onReady(worker: Worker): Promise<void> {
    if (this.#endingSinceMs !== undefined) return;
    const { host, port } = this.#options;
    this.#port ??= listening(port, "--port", () => this.#dealer.listen(host, port));
    try {
      say(worker, { kind: "listening", port: await this.#port });
    } catch (error) {
      this.#failure = error;
      this.end("SIGTERM");
      return;
    }
    if (this.#endingSinceMs !== undefined || worker.isDead()) return;
    this.#dealer.add(worker);
    this.#tellDown();
  }

  /** A caller does not know which process a call comes to: what is down in one is down in all. */
  #tellDown(): void {
    const services = [...new Set([...this.#down.values()].flat())];
    for (const worker of Object.values(cluster.workers ?? {})) if (worker) say(worker, { kind: "down", services });
  }

  #forgetDown(worker: Worker): void {
    if (this.#down.delete(worker)) this.#tellDown();
  }

  #onServing(worker: Worker, report: string): void {
    this.#serving.add(worker);
    this.#backoffMs = FIRST_BACKOFF_MS;
    if (this.#announced || this.#serving.size < this.#options.count) return;
    this.#announced = true;
    this.#options.onServing(report);
  }

  #onExit(worker: Worker, code: number | string): void {
    this.#serving.delete(worker);
    this.#dealer.lose(worker);
    this.#forgetDown(worker);
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
    if (alive.length === 0) this.#onEnd();
  }
}

/** Whoever is gone by then does not need to know. */
function say(worker: Worker, message: ToMember): void {
  if (worker.isConnected()) worker.process.send(message, undefined, undefined, () => {});
}
