import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../support/contract-fixture.js";

/** Building Go's gRPC for the first time takes a minute on a small machine. */
const RUN_TIMEOUT_MS = 240_000;

/** Where a program runs, if not in the repository with the environment of the tests. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end; returns what it printed.
 * @throws Error with what it wrote to stderr, where it fails
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    timeout: RUN_TIMEOUT_MS,
    maxBuffer: 2 ** 24,
  });
  return stdout;
}

/** Python of the virtual environment that has the tests' packages: FLOTILLA_VENV, or .venv in the repository. */
export function pythonProgram(): string {
  const program = path.join(path.resolve(process.env.FLOTILLA_VENV ?? ".venv"), "bin", "python");
  if (!existsSync(program)) throw new Error(`${program}: not found; \`make venv\` makes it`);
  return program;
}

/** A Go program that test/tools/install.sh builds. */
export function goTool(name: "grpcurl" | "ghz"): string {
  const program = path.join(ROOT, ".tools", name);
  if (!existsSync(program)) throw new Error(`${program}: not found; \`make tools\` builds it`);
  return program;
}

/** Skips the tests around where there is no Go: nothing but these tests needs it. */
export function needsGo(this: Mocha.Context): void {
  try {
    execFileSync("go", ["version"], { stdio: "ignore" });
  } catch {
    this.skip();
  }
}

/** buf, as npm installed it. */
export const BUF = path.join(ROOT, "node_modules", ".bin", "buf");
