import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { treeCpuSeconds } from "./process-tree.js";

/** How long a child may take to say that it is ready. */
const START_LIMIT_MS = 5 * 60_000;

/** What a child prints once it is ready: at least where it listens. */
export interface Ready {
  readonly address: string;
}

/** A process of its own that is measured from outside. */
export class Child {
  readonly ready: Ready;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, ready: Ready) {
    this.#process = child;
    this.ready = ready;
  }

  /** Starts a compiled module of this project, and waits until it has printed its JSON. */
  static async start(
    module: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Child> {
    const command = [path.join("dist", module), ...args];
    const env = { ...process.env, ...environment };
    const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"], env });
    const timer = setTimeout(() => child.kill(), START_LIMIT_MS);
    try {
      return new Child(child, await firstJson(child, command));
    } finally {
      clearTimeout(timer);
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Processor time so far, that of its own children included. */
  cpuSeconds(): number {
    return treeCpuSeconds(this.pid);
  }

  /** Memory that it holds, what it shares with other processes included. */
  residentMiB(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) / 1024;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await exit;
  }
}

async function firstJson(child: ChildProcess, command: readonly string[]): Promise<Ready> {
  let output = "";
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    output += chunk;
    try {
      const ready = JSON.parse(output) as Ready;
      child.stdout!.resume();
      return ready;
    } catch {
      // It has not come whole.
    }
  }
  throw new Error(`${command.join(" ")} ended before it was ready`);
}
