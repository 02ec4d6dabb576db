import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Child } from "./child.js";
import type { Kind } from "./kinds.js";
import type { Loaded } from "./loaded.js";
import { answerOf } from "./round.js";

/** What servers are set against: a bare grpc-js echo of the same messages, and ONNX Runtime alone in a loop. */

/** The times of a tiny model's runs over a minute, and some. */
const MOST_PRINTED_BYTES = 1 << 28;

/** A bare grpc-js server that answers as another one does. Its files go into `folder`. */
export async function startEcho(like: Loaded, folder: string): Promise<Child> {
  const answer = path.join(folder, "answer.bin");
  writeFileSync(answer, await answerOf((onAnswer) => like.connect(onAnswer)));
  return Child.start("bench/echo-server.js", [like.load.path, answer]);
}

/** Runs of a model, one right after the other. */
export interface BareRuns {
  /** Wall time of each. */
  readonly runMs: readonly number[];
  /** Processor time of all. */
  readonly cpuSeconds: number;
}

/** How ONNX Runtime runs alone. */
export interface BareLoop {
  /** Of each run. */
  readonly rows: number;
  readonly durationMs: number;
}

/** ONNX Runtime alone, in a process of its own. */
export function runBare(kind: Kind, folder: string, loop: BareLoop): BareRuns {
  const file = path.join(folder, "request.bin");
  writeFileSync(file, kind.openInference.bytes);
  const module = path.join("dist", "bench", "bare-loop.js");
  const args = [module, kind.model, file, String(loop.rows), String(loop.durationMs)];
  const ended = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: MOST_PRINTED_BYTES });
  if (ended.status !== 0) throw new Error(`the bare loop failed: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as BareRuns;
}

/** The same while another processor has work that touches no memory: what is left of a run's speed where anything runs beside it. */
export function runBareBesideWork(kind: Kind, folder: string, loop: BareLoop): BareRuns {
  const worker = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  try {
    return runBare(kind, folder, loop);
  } finally {
    worker.kill("SIGKILL");
  }
}
