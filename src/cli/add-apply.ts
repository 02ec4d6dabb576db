import { constants } from "node:fs";
import { copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { AddPlan } from "./add-plan.js";

/** One thing that was written, or would be. Paths are relative to the fleet's folder. */
export interface Change {
  readonly action: "copied" | "created" | "changed";
  readonly file: string;
  /** Of a copy: where from. */
  readonly from?: string;
}

/** What a plan writes, in its order. */
export function listChanges({ copies, contract, fleetText, state }: AddPlan): Change[] {
  const fleet = path.relative(state.root, path.resolve(state.root, path.basename(state.file)));
  return [
    ...copies.map(({ from, to }) => ({ action: "copied", file: to, from }) as const),
    ...(contract.text === undefined ? [] : [{ action: "created", file: contract.file } as const]),
    ...(fleetText === undefined
      ? []
      : [{ action: state.text === undefined ? "created" : "changed", file: fleet } as const]),
  ];
}

/**
 * Writes what a plan says; the fleet file last, so that it never names what is not there. Overwrites nothing else.
 * Broken off in between, the same command finishes the work.
 */
export async function applyPlan({ copies, contract, fleetText, state }: AddPlan): Promise<void> {
  const { root } = state;
  for (const { from, to } of copies) {
    await mkdir(path.dirname(path.join(root, to)), { recursive: true });
    await copyFile(from, path.join(root, to), constants.COPYFILE_EXCL);
  }
  if (contract.text !== undefined) {
    await mkdir(path.dirname(path.join(root, contract.file)), { recursive: true });
    await writeFile(path.join(root, contract.file), contract.text, { flag: "wx" });
  }
  if (fleetText !== undefined) await replaceFile(path.join(root, path.basename(state.file)), fleetText);
}

/** Whoever reads the file meanwhile sees the old text or the new one, never a part. */
async function replaceFile(file: string, text: string): Promise<void> {
  const fresh = `${file}.${process.pid}.new`;
  try {
    await writeFile(fresh, text, { flag: "wx" });
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}
