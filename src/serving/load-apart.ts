import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { ModelError } from "./model-error.js";
import type { ModelFile } from "./session.js";

/** By its path, as it runs in a process of its own. */
const PROGRAM = fileURLToPath(new URL("./apart-process.js", import.meta.url));

/**
 * Loads models in a process of its own, one after the other, and lets go of them. ONNX Runtime's own code ends its process
 * over some models that are not in order: better that one than ours.
 * @returns problems, by `modelPath`, of those that ended it; others are left to `Session.load` to refuse
 */
export async function loadApart(files: readonly ModelFile[]): Promise<Map<string, ModelError>> {
  const problems = new Map<string, ModelError>();
  for (let rest = files; rest.length > 0; ) {
    const ended = await runApart(rest);
    if (!ended) break;
    const { modelPath } = rest[ended.at]!;
    problems.set(modelPath, new ModelError(`${modelPath}: ${ended.problem}`));
    rest = rest.slice(ended.at + 1);
  }
  return problems;
}

/** How the process came to its end where that was not of itself, and which file it was at. */
async function runApart(files: readonly ModelFile[]): Promise<{ at: number; problem: string } | undefined> {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(process.execPath, [PROGRAM], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  // It may be gone before it has read everything.
  child.stdin.on("error", () => undefined);
  child.stdin.end(JSON.stringify(files.map(({ modelPath, modelRoot, sha256 }) => ({ modelPath, modelRoot, sha256 }))));
  const [begun, said, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  if (code === 0) return undefined;
  const at = Math.max(0, begun.split("\n").length - 2);
  const how = `${signal ?? `exit code ${code}`}${lastWords(said)}`;
  // So Linux ends who takes more memory than there is.
  const advice =
    signal === "SIGKILL"
      ? "it may take more memory than there is"
      : "it is damaged, or its exporter has a fault: export it anew";
  return { at, problem: `ONNX Runtime ends its process while it loads it, by ${how}; ${advice}` };
}

/** What C++ wrote when it gave up: `Assertion '__n < this->size()' failed.` */
function lastWords(said: string): string {
  const [words] = /Assertion .*? failed|terminate called.*|what\(\):.*/.exec(said) ?? [];
  return words === undefined ? "" : ` (${words.trim()})`;
}
