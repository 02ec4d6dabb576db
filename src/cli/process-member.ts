import cluster from "node:cluster";
import type { Socket } from "node:net";
import { AggregatorRegistry } from "prom-client";
import type { HealthOfAll } from "../grpc/health.js";
import type { FromMember, ToMember } from "./process-messages.js";

/** In a process's environment: the port at which the first process answers for the metrics of all. */
export const METRICS_PORT_VARIABLE = "FLOTILLA_SHARED_METRICS_PORT";

/** One of several processes behind one port, seen from inside. */
export class ProcessMember implements HealthOfAll {
  /** Where the metrics of all are read. */
  readonly metricsPort: number;
  #down: ReadonlySet<string> = new Set();
  #told = "";
  #onDown = () => {};

  private constructor(metricsPort: number) {
    this.metricsPort = metricsPort;
  }

  /** What this process is of `serveProcesses`; undefined where it is the only one, or the first. */
  static ofThisProcess(): ProcessMember | undefined {
    const port = process.env[METRICS_PORT_VARIABLE];
    return cluster.isWorker && port !== undefined ? new ProcessMember(Number(port)) : undefined;
  }

  /** Services, by their full names, that do not serve in one of the processes at least. */
  get down(): ReadonlySet<string> {
    return this.#down;
  }

  /** @param services that do not serve in this one */
  tell(services: readonly string[]): void {
    const text = services.join(" ");
    if (text === this.#told) return;
    this.#told = text;
    say({ kind: "down", services });
  }

  /**
   * Says that its models are ready.
   * @param accept is given each connection that comes to this process
   * @param onDown is told when `down` has changed
   * @returns the port that callers come to, once they do
   */
  listen(accept: (socket: Socket) => void, onDown: () => void): Promise<number> {
    this.#onDown = onDown;
    return new Promise((resolve) => {
      process.on("message", (message: ToMember, socket?: Socket) => {
        if (message?.kind === "listening") resolve(message.port);
        else if (message?.kind === "down") this.#learn(message.services);
        else if (message?.kind === "connection" && socket) take(message.connection, socket, accept);
      });
      say({ kind: "ready" });
    });
  }

  /** Says that it serves. */
  serving(report: string): void {
    say({ kind: "serving", report });
  }

  /** Says that it takes no more connections. */
  leave(): void {
    say({ kind: "leaving" });
  }

  #learn(services: readonly string[]): void {
    this.#down = new Set(services);
    this.#onDown();
  }
}

function take(connection: number, socket: Socket, accept: (socket: Socket) => void): void {
  socket.once("close", () => say({ kind: "closed" }));
  say({ kind: "taken", connection });
  accept(socket);
}

/** Where the first process is gone this one is about to end, and nobody is there to hear it. */
function say(message: FromMember): void {
  if (process.connected) process.send!(message, undefined, undefined, () => {});
}

/** Lets the first process read the metrics of this one. */
export function shareMetrics(registry: Parameters<typeof AggregatorRegistry.setRegistries>[0]): void {
  AggregatorRegistry.setRegistries(registry);
  // It listens from its making on.
  new AggregatorRegistry();
}
