import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import { ROOT } from "./contract-fixture.js";
import { endProcess } from "./end-process.js";
import { freePort } from "./free-port.js";

const PROGRAM = path.join(ROOT, ".tools/nats-server");

/** Whether `make tools` has built a NATS. */
export const HAS_NATS = existsSync(PROGRAM);

/** A real NATS with JetStream, its streams on disk: who is killed and started again has them still. */
export class NatsServer {
  readonly port: number;
  readonly #store = mkdtempSync(path.join(tmpdir(), "flotilla-nats-"));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<NatsServer> {
    const server = new NatsServer(await freePort());
    await server.raise();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it again, and waits until it takes connections. */
  async raise(): Promise<void> {
    const args = ["-a", "127.0.0.1", "-p", String(this.port), "-js", "-sd", this.#store];
    this.#process = spawn(PROGRAM, args, { stdio: "ignore" });
    for (;;) {
      const connection = await connect({ servers: this.url, reconnect: false }).catch(() => undefined);
      if (connection) return connection.close();
      if (this.#process.exitCode !== null) throw new Error(`nats-server ended with ${this.#process.exitCode}`);
      await delay(50);
    }
  }

  async kill(): Promise<void> {
    await endProcess(this.#process!, "SIGKILL");
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#store, { recursive: true, force: true });
  }
}
