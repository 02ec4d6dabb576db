import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../test/support/free-port.js";
import type { Kind } from "../kinds.js";
import { killProcesses, killTree, processTree, treeCpuSeconds } from "../process-tree.js";
import { answerOf, type Calls, type Candidate } from "../round.js";
import { type Command, type Log, lastLines, openLog } from "./install-peer.js";
import { PEERS_FOLDER, type Peer } from "./peers.js";

/** Some import half of PyPI, on processors that others start on, too. */
const START_LIMIT_MS = 180_000;
const ASK_AGAIN_MS = 250;
/** How long a server may take to end by itself. */
const STOP_LIMIT_MS = 10_000;

/** What a server is started with. */
export interface PeerSetting {
  readonly kind: Kind;
  /** Of ONNX Runtime, for one run. */
  readonly threads: number;
  readonly batching: boolean;
  readonly workers: number;
}

/** A peer at work, in processes of its own. */
export class PeerServer implements Candidate {
  readonly name: string;
  readonly workers: number;
  readonly #peer: Peer;
  readonly #kind: Kind;
  readonly #address: string;
  readonly #process: ChildProcess;
  readonly #log: Log;
  readonly #endWithUs = () => killTree(this.#process.pid!);

  private constructor(peer: Peer, { kind, workers }: PeerSetting, running: Running) {
    this.name = peer.title;
    this.workers = workers;
    this.#peer = peer;
    this.#kind = kind;
    this.#address = `127.0.0.1:${running.port}`;
    this.#process = running.process;
    this.#log = running.log;
    process.once("exit", this.#endWithUs);
  }

  /**
   * Starts it, and waits for its first answer.
   * @throws Error where it ends or does not answer, with the last lines that it printed
   */
  static async start(peer: Peer, command: Command, setting: PeerSetting): Promise<PeerServer> {
    const port = await freePort();
    const log = openLog(
      `${peer.name}-${setting.kind.contract}-${setting.batching ? "batching-" : ""}${setting.workers}`,
    );
    const stdio = ["ignore", log.descriptor, log.descriptor] as const;
    const env = { ...process.env, ...environmentOf(peer, setting, port) };
    const child = spawn(command[0], command.slice(1), { stdio: [...stdio], env });
    const server = new PeerServer(peer, setting, { port, process: child, log });
    try {
      await server.#ready();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  connect(onAnswer?: (answer: Buffer) => void): Calls {
    return this.#peer.wire.connect(this.#address, this.#kind, onAnswer);
  }

  /** Of all its processes. */
  cpuSeconds(): number {
    return treeCpuSeconds(this.#process.pid!);
  }

  /** The model's last output for the request. */
  async lastOutput(): Promise<Float32Array> {
    return this.#peer.wire.lastOutput(await answerOf((onAnswer) => this.connect(onAnswer)));
  }

  async stop(): Promise<void> {
    const processes = processTree(this.#process.pid!);
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exit = once(this.#process, "exit");
      this.#process.kill("SIGTERM");
      await Promise.race([exit, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
    }
    // Some leave processes behind.
    killProcesses(processes);
    process.removeListener("exit", this.#endWithUs);
  }

  get #printed(): string {
    return `${lastLines(this.#log)} (${this.#log.file})`;
  }

  async #ready(): Promise<void> {
    const limitMs = performance.now() + START_LIMIT_MS;
    for (;;) {
      try {
        await this.lastOutput();
        return;
      } catch (error) {
        if (this.#process.exitCode !== null) throw new Error(`ended before it was ready: ${this.#printed}`);
        if (performance.now() > limitMs)
          throw new Error(`gave no answer in ${START_LIMIT_MS / 1e3} s: ${(error as Error).message}; ${this.#printed}`);
        await delay(ASK_AGAIN_MS);
      }
    }
  }
}

interface Running {
  readonly port: number;
  readonly process: ChildProcess;
  readonly log: Log;
}

/** The library that Flotilla runs, for a peer that brings none. */
function onnxRuntimeLibrary(): string {
  const napi = path.join("node_modules", "onnxruntime-node", "bin", "napi-v6", process.platform, process.arch);
  return path.resolve(napi, "libonnxruntime.so.1");
}

/** What bench/peers/onnx_model.py reads, and the crate's main.rs. */
function environmentOf(peer: Peer, setting: PeerSetting, port: number): Record<string, string> {
  const { maxSize, maxDelay } = setting.kind.batching;
  return {
    PEER_NAME: setting.kind.contract,
    PEER_MODEL: path.resolve(setting.kind.model),
    PEER_ONNX_RUNTIME: onnxRuntimeLibrary(),
    PEER_PORT: String(port),
    PEER_THREADS: String(setting.threads),
    PEER_WORKERS: String(setting.workers),
    PEER_MAX_BATCH: String(setting.batching ? maxSize : 1),
    PEER_MAX_DELAY_MS: String(Number.parseFloat(maxDelay)),
    // Processes that a server starts import both its server.py and what all share.
    PYTHONPATH: [path.resolve(PEERS_FOLDER), path.resolve(peer.folder)].join(path.delimiter),
    PYTHONUNBUFFERED: "1",
    OMP_NUM_THREADS: String(setting.threads),
  };
}
