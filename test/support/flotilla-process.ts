import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { ROOT } from "./contract-fixture.js";
import { endProcess } from "./end-process.js";

/** A command of `flotilla` as a process that goes on until it is told to end, and can be started again. */
export class FlotillaProcess {
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #log = "";

  constructor(...args: readonly string[]) {
    this.#args = args;
  }

  /** What it wrote to stderr, over all its lives. */
  get log(): string {
    return this.#log;
  }

  /** Starts it, and waits until it says something on stdout. Returns that. */
  async raise(): Promise<string> {
    const child = this.launch();
    const said = await Promise.race([once(child.stdout!, "data"), once(child, "exit")]);
    if (child.exitCode !== null)
      throw new Error(`flotilla ${this.#args[0]} ended with ${child.exitCode}: ${this.#log}`);
    return String(said[0]);
  }

  /** Starts it, and doesn't wait. */
  launch(): ChildProcess {
    const child = spawn(process.execPath, [path.join(ROOT, "dist/src/bin/flotilla.js"), ...this.#args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr!.on("data", (chunk) => {
      this.#log += chunk;
    });
    child.stdout!.resume();
    this.#child = child;
    return child;
  }

  /** Returns the exit code; null where the signal ended it. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    return this.#child ? endProcess(this.#child, signal) : null;
  }
}
