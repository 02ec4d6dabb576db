import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Holder, RolloutState } from "../rollout-state.js";
import { PlanError } from "../traffic-plan.js";

/** How often whoever judges a roll-out gives a sign. */
export const SIGN_EVERY_MS = 15_000;
/** Without a sign for so long it is taken to be gone. */
const GONE_AFTER_MS = 3 * SIGN_EVERY_MS;

/** This process as the holder of a roll-out. @param who as the cluster knows us */
export function thisHolder(who: string): Pick<Holder, "id" | "name"> {
  return { id: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`, name: `${who} on ${hostname()}` };
}

/**
 * Two who judge one roll-out would go against each other.
 * @throws PlanError where somebody else is still at it
 */
export function refuseHeld({ revision, holder }: RolloutState, self: Pick<Holder, "id">, nowMs: number): void {
  const silentMs = nowMs - Date.parse(holder.seen);
  if (holder.id === self.id || silentMs > GONE_AFTER_MS || hasEnded(holder)) return;
  const seconds = Math.max(0, Math.round(silentMs / 1e3));
  throw new PlanError(
    `the roll-out of ${revision} is in the hands of ${holder.name}, who gave a sign ${seconds} s ago; ` +
      "wait for it, or take it over with --take-over",
  );
}

/** A process of this machine that is no more. */
function hasEnded({ id }: Holder): boolean {
  const [host, pid] = id.split("/");
  if (host !== hostname()) return false;
  // In a container that was started again the number is ours.
  return Number(pid) === process.pid || !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
