import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const SCRIPTS = path.resolve("test/wire/python");
const RUN_TIMEOUT_MS = 120_000;

/** Python of the virtual environment that has the clients: FLOTILLA_VENV, or .venv in the repository. */
function python(): string {
  const venv = path.resolve(process.env.FLOTILLA_VENV ?? ".venv");
  const program = path.join(venv, "bin", "python");
  if (!existsSync(program)) {
    throw new Error(
      `${program}: not found; these tests need a virtual environment with tritonclient[grpc] (FLOTILLA_VENV)`,
    );
  }
  return program;
}

/**
 * Runs a script of cases against a server.
 * @returns each case's name, with "ok" or what went wrong
 */
export async function runPythonCases(script: string, target: string): Promise<Record<string, string>> {
  const run = promisify(execFile);
  const options = {
    timeout: RUN_TIMEOUT_MS,
    maxBuffer: 2 ** 24,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  };
  const { stdout } = await run(python(), [path.join(SCRIPTS, script), target], options);
  return JSON.parse(stdout);
}
