import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A program that is started again whenever it dies, as Kubernetes does. */
export class Supervised {
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #isStopped = false;

  /** @param args of node */
  constructor(...args: readonly string[]) {
    this.#args = args;
  }

  /** Starts it, and waits until it says something on stdout. */
  async start(): Promise<void> {
    this.#live();
    await once(this.#child!.stdout!, "data");
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const exit = once(this.#child!, "exit");
    this.#child!.kill("SIGKILL");
    await exit;
  }

  #live(): void {
    this.#child = spawn(process.execPath, this.#args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.once("exit", () => {
      if (!this.#isStopped) this.#live();
    });
  }
}
