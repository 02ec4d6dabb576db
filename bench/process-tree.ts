import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks of a second in /proc, on every Linux that Node runs on. */
const TICKS = 100;

/** What /proc says of a process. */
interface Process {
  readonly pid: number;
  readonly parent: number;
  /** When it began, in ticks since the machine did: tells it from a later one of the same number. */
  readonly began: string;
  /** Of all its threads, and of the children that it has waited for. */
  readonly cpuTicks: number;
}

/** A process and all below it. */
export function processTree(root: number): Process[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const processes = all.map((name) => readProcess(Number(name))).filter((each) => each !== undefined);
  const found = processes.filter(({ pid }) => pid === root);
  // Those found on the way are looked at in turn.
  for (const { pid } of found) found.push(...processes.filter(({ parent }) => parent === pid));
  return found;
}

/** Processor time so far of a process and all below it. */
export function treeCpuSeconds(root: number): number {
  return processTree(root).reduce((sum, { cpuTicks }) => sum + cpuTicks, 0) / TICKS;
}

/** Ends those of the processes that are still there, at once. */
export function killProcesses(processes: readonly Process[]): void {
  for (const each of processes) signal(each, "SIGKILL");
}

/** Ends a process and all below it, at once. They are stopped first: one that goes on could start others unseen. */
export function killTree(root: number): void {
  const stopped = new Map<number, Process>();
  for (;;) {
    const others = processTree(root).filter(({ pid }) => !stopped.has(pid));
    if (others.length === 0) break;
    for (const each of others) {
      signal(each, "SIGSTOP");
      stopped.set(each.pid, each);
    }
  }
  killProcesses([...stopped.values()]);
}

function signal({ pid, began }: Process, name: NodeJS.Signals): void {
  if (readProcess(pid)?.began === began) process.kill(pid, name);
}

function readProcess(pid: number): Process | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // It has ended meanwhile.
  }
  // The name in brackets may hold blanks. @see man 5 proc: fields 4, 14 to 17 and 22
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const cpuTicks = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  return { pid, parent: Number(fields[1]), began: fields[19]!, cpuTicks };
}
