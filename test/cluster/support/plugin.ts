import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROOT } from "../../support/contract-fixture.js";
import { OPERATED } from "./operated-fleet.js";

/** A command of the plugin that runs. */
export class PluginRun {
  #stdout = "";
  #stderr = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(args: readonly string[]) {
    const where = args.includes("-n") ? [] : ["-n", OPERATED];
    this.#child = spawn("kubectl", ["flotilla", ...args, ...where], {
      cwd: ROOT,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout!.on("data", (text) => {
      this.#stdout += text;
    });
    this.#child.stderr!.on("data", (text) => {
      this.#stderr += text;
    });
    this.#ended = once(this.#child, "close");
  }

  /** What it has printed so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Waits until it has printed something. @throws Error where it ends without */
  async prints(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#stdout)) {
      const ended = await Promise.race([this.#ended.then(() => true), once(this.#child.stdout!, "data")]);
      if (ended === true && !pattern.test(this.#stdout)) throw new Error(`${pattern}: ${this.#stdout}${this.#stderr}`);
    }
  }

  /** As a machine that loses its power does. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async outcome(): Promise<{ stdout: string; stderr: string; exitCode: number | null }> {
    await this.#ended;
    return { stdout: this.#stdout, stderr: this.#stderr, exitCode: this.#child.exitCode };
  }
}

/** Runs a command of the plugin to its end, through kubectl, as an operator does. */
export function flotilla(...args: readonly string[]) {
  return new PluginRun(args).outcome();
}

/** As `flotilla`, for commands that have to work. @throws Error with what it says */
export async function flotillaOk(...args: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await flotilla(...args);
  if (exitCode !== 0) throw new Error(`kubectl flotilla ${args.join(" ")}: ended with ${exitCode}: ${stderr}${stdout}`);
  return stdout;
}

/** What kubectl offers a shell for a command line that begins so. */
export async function completions(...words: readonly string[]): Promise<string[]> {
  const args = ["__complete", "flotilla", ...words];
  const child = spawn("kubectl", args, { env: environment(), stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  for await (const chunk of child.stdout) text += chunk;
  return text.split("\n");
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${pluginFolder()}:${process.env.PATH}`, NO_COLOR: "1" };
}

let folder: string | undefined;

/** A folder with the commands that the package brings, as npm links them. */
function pluginFolder(): string {
  if (folder !== undefined) return folder;
  folder = mkdtempSync(path.join(tmpdir(), "flotilla-bin-"));
  const { bin } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8"));
  for (const [name, file] of Object.entries<string>(bin)) symlinkSync(path.join(ROOT, file), path.join(folder, name));
  return folder;
}
