import type { Member } from "../src/fleet/members.js";
import { CLOSE_LIMIT_SECONDS, DRAIN_SECONDS } from "../src/fleet/shutdown.js";

/**
 * How a pod ends without losing a call:
 *
 *     deleted            SIGTERM                      open calls answered      workers ended        SIGKILL
 *        |--- preStop ------|--- drain -------------------|--- close ---------------|--- spare ---------|
 *        calls still come   no new calls, health says so
 *        |------------------------------- grace ----------------------------------------------------|
 */
export interface Termination {
  /** How long the server goes on as before, while the sidecars of its callers learn that it goes. */
  readonly preStopSeconds: number;
  /** How long open calls may take from then on. */
  readonly drainSeconds: number;
  /** When Kubernetes ends what has not ended by itself. */
  readonly graceSeconds: number;
}

/** Istio waits up to 10 s for more changes before it sends any (PILOT_DEBOUNCE_MAX); a second more until they apply. */
const PRE_STOP_SECONDS = 11;
/** For what has no limit of its own: starting the hook, the metrics' last answer, the sidecar. */
const SPARE_SECONDS = 9;

/** A call that a pod has taken may take as long as any call of its contract; streams are ended once they have had theirs. */
export function terminationOf({ contract, service }: Member): Termination {
  const openMs = service.methods.map(({ name, streaming }) =>
    streaming ? contract.streams.drainMs : (contract.methods.get(name)?.deadlineMs ?? contract.deadlineMs),
  );
  const drainSeconds = Math.max(DRAIN_SECONDS, ...openMs.map((ms) => Math.ceil(ms / 1000)));
  return {
    preStopSeconds: PRE_STOP_SECONDS,
    drainSeconds,
    graceSeconds: PRE_STOP_SECONDS + drainSeconds + CLOSE_LIMIT_SECONDS + SPARE_SECONDS,
  };
}
