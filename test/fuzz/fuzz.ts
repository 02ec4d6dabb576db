import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../support/contract-fixture.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./targets.js";

/** An input that a reader did not refuse as it should. */
export interface FuzzFinding {
  readonly target: string;
  readonly input: Buffer;
  readonly problem: string;
}

/** Inputs that were found, and are tried at each test from then on. */
export const FOUND_FOLDER = path.join(ROOT, "test/fuzz/found");
/** No input of 64 KiB is worth more. */
const MAX_CASE_MS = 2000;

/** Tries inputs of a target, from one number to the next, until one is wrong. */
export async function fuzz(
  target: FuzzTarget,
  { from, count }: { from: number; count: number },
): Promise<FuzzFinding | undefined> {
  for (let seed = from; seed < from + count; seed++) {
    const finding = await tryInput(target, mutate(target.corpus, seed, target.kind, target.words));
    if (finding) return finding;
  }
  return undefined;
}

/** Reads one input: it is read or refused, in two seconds, and nothing else is thrown. */
export async function tryInput(target: FuzzTarget, input: Buffer): Promise<FuzzFinding | undefined> {
  const found = (problem: string): FuzzFinding => ({ target: target.name, input, problem });
  const before = process.cpuUsage();
  try {
    // A buffer of its own: a reader may keep a view of it.
    await target.read(Buffer.from(input));
  } catch (error) {
    if (!target.isRefusal(error)) return found(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  // Processor time: on a busy machine the clock says nothing.
  const spentMs = process.cpuUsage(before).user / 1e3;
  return spentMs > MAX_CASE_MS ? found(`took ${spentMs.toFixed(0)} ms`) : undefined;
}

/** Keeps an input, so that it is tried again from now on. Returns its file. */
export function keepFinding({ target, input }: FuzzFinding): string {
  const folder = path.join(FOUND_FOLDER, folderOf(target));
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${createHash("sha256").update(input).digest("hex").slice(0, 12)}.bin`);
  writeFileSync(file, input);
  return file;
}

/** Inputs of a target that were found before. */
export function foundInputs({ name }: FuzzTarget): Buffer[] {
  return foundFiles(name).map((file) => readFileSync(file));
}

/** Files of a target with what was found before. */
export function foundFiles(target: string): string[] {
  const folder = path.join(FOUND_FOLDER, folderOf(target));
  return existsSync(folder) ? readdirSync(folder).map((file) => path.join(folder, file)) : [];
}

function folderOf(target: string): string {
  return target.toLowerCase().replaceAll(" ", "-");
}
