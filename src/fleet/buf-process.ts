import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

/** A run of buf on a few thousand files takes seconds; one that hangs must not hang a server's start. */
const TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** What a run of buf printed, and how it ended. 100 is buf's exit code for findings. */
export interface BufResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs buf in a folder. It is never allowed to look for another configuration or cache than that folder's. */
export function runBuf(folder: string, args: readonly string[]): Promise<BufResult> {
  const [file, ...first] = bufCommand();
  const env = { ...process.env, BUF_CACHE_DIR: join(folder, ".cache") };
  const options = { cwd: folder, env, maxBuffer: MAX_OUTPUT_BYTES, timeout: TIMEOUT_MS };
  return new Promise((settle, fail) => {
    execFile(file, [...first, ...args], options, (error, stdout, stderr) => {
      if (error === null) settle({ exitCode: 0, stdout, stderr });
      else if (typeof error.code === "number") settle({ exitCode: error.code, stdout, stderr });
      else fail(new Error(`buf could not be run: ${error.message}`, { cause: error }));
    });
  });
}

/** The platform's binary where npm put it; else the package's script, which finds it at the cost of another process. */
function bufCommand(): [string, ...string[]] {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve("@bufbuild/buf/package.json");
  const names: Record<string, string> = { "linux-arm64": "linux-aarch64", "linux-arm": "linux-armv7" };
  const platform = `${process.platform}-${process.arch}`;
  const binary = process.platform === "win32" ? "buf.exe" : "buf";
  try {
    return [createRequire(manifest).resolve(`@bufbuild/buf-${names[platform] ?? platform}/bin/${binary}`)];
  } catch {
    return [process.execPath, join(manifest, "../bin/buf")];
  }
}
