import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { loadApart } from "../../src/serving/load-apart.js";
import { CASE_FILES } from "./case-files.js";
import type { FuzzFinding } from "./fuzz.js";

/** Name of what is tried here, as `keepFinding` and the report have it. */
export const NATIVE_TARGET = "models in ONNX Runtime";
const PROGRAM = fileURLToPath(new URL("./native-cases.js", import.meta.url));
/** No small model takes a minute; a child that stays at one for so long does not come back. */
const STUCK_MS = 60_000;
const LOOK_MS = 1000;

/** Which cases are tried, and by which program: `native-cases.js`, where it is not a test's own. */
export interface NativeRun {
  readonly from: number;
  readonly count: number;
  readonly program?: string;
}

/** What came of it. */
export interface NativeResult {
  readonly findings: readonly FuzzFinding[];
  /** Models that end the process which loads them, and that `loadApart` says so of. */
  readonly told: readonly Buffer[];
}

/**
 * Gives models to ONNX Runtime's own reader, in a process of their own. It has faults that are not ours to mend: a model
 * that ends the process has to be told by `loadApart`, and one that is not, or that stays in it, is found. Goes on behind
 * either.
 */
export async function fuzzNative({ from, count, program = PROGRAM }: NativeRun): Promise<NativeResult> {
  const [findings, told]: [FuzzFinding[], Buffer[]] = [[], []];
  const end = from + count;
  for (let next = from; next < end; ) {
    const { finding, seed } = await inChild(program, ["--from", String(next), "--count", String(end - next)]);
    if (!finding) break;
    if (await isTold(finding.input)) told.push(finding.input);
    else findings.push(finding);
    next = seed + 1;
  }
  return { findings, told };
}

/** Whether `loadApart` says of a model that it ends its process. */
export async function isTold(input: Uint8Array): Promise<boolean> {
  const modelRoot = mkdtempSync(path.join(tmpdir(), "flotilla-apart-"));
  try {
    const modelPath = path.join(modelRoot, CASE_FILES.model);
    writeFileSync(modelPath, input);
    return (await loadApart([{ modelPath, modelRoot, sha256: undefined }])).has(modelPath);
  } finally {
    rmSync(modelRoot, { recursive: true });
  }
}

async function inChild(
  program: string,
  args: readonly string[],
): Promise<{ finding: FuzzFinding | undefined; seed: number }> {
  const folder = mkdtempSync(path.join(tmpdir(), "flotilla-native-"));
  try {
    const child = spawn(process.execPath, [program, "--folder", folder, ...args], { stdio: "ignore" });
    const read = (name: keyof typeof CASE_FILES) => {
      const file = path.join(folder, CASE_FILES[name]);
      return existsSync(file) ? readFileSync(file) : undefined;
    };
    const problem = await endOf(child, () => String(read("seed")));
    if (problem === undefined) return { finding: undefined, seed: 0 };
    const finding = { target: NATIVE_TARGET, input: read("model")!, problem: read("problem")?.toString() ?? problem };
    return { finding, seed: Number(read("seed")) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** How a child ended where that was not well. */
async function endOf(child: ChildProcess, place: () => string): Promise<string | undefined> {
  let [at, sinceMs] = [place(), performance.now()];
  let isStuck = false;
  const watch = setInterval(() => {
    if (place() !== at) [at, sinceMs] = [place(), performance.now()];
    isStuck = performance.now() - sinceMs > STUCK_MS;
    if (isStuck) child.kill("SIGKILL");
  }, LOOK_MS);
  const [code, signal] = await once(child, "close");
  clearInterval(watch);
  if (code === 0) return undefined;
  return isStuck ? `stayed in it for ${STUCK_MS / 1e3} s` : `ended its process: ${signal ?? `exit code ${code}`}`;
}
