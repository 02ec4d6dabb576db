import type { Caller } from "./caller.js";
import { onDemand } from "./stage.js";

/** Namespace of the callers, whose names are their service accounts' too. */
export const CALLERS = "flotilla-test-callers";

/** A caller that every contract lists, one that none does, and one outside the mesh. */
export const LISTED: Caller = { namespace: CALLERS, name: "listed", sidecar: true };
export const STRANGER: Caller = { namespace: CALLERS, name: "stranger", sidecar: true };
export const OUTSIDER: Caller = { namespace: CALLERS, name: "outsider", sidecar: false };

/** Puts the callers on the cluster. */
export const raiseCallers = onDemand(async () => ({
  namespaces: [CALLERS],
  objects: [],
  callers: [LISTED, STRANGER, OUTSIDER],
}));
