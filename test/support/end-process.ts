import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Ends a process, if it hasn't ended. @returns its exit code; null where a signal ended it */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, "exit");
  child.kill(signal);
  return (await exit)[0] as number | null;
}
