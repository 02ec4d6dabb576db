import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Where each cgroup version says how much processor time a container may use: quota and period, in microseconds. */
const CGROUP_V2 = "/sys/fs/cgroup/cpu.max";
const CGROUP_V1_QUOTA = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us";
const CGROUP_V1_PERIOD = "/sys/fs/cgroup/cpu/cpu.cfs_period_us";

/**
 * Processors that this process may keep busy: the machine's, or the container's limit where that is less. At least 1.
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
 */
export function usableProcessors(): number {
  const quota = parseQuota(read(CGROUP_V2)) ?? parseQuota(`${read(CGROUP_V1_QUOTA)} ${read(CGROUP_V1_PERIOD)}`);
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota ?? Number.POSITIVE_INFINITY)));
}

/** `200000 100000` is 2 processors; `max 100000`, `-1 100000` and anything else is no limit. */
export function parseQuota(text: string): number | undefined {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
