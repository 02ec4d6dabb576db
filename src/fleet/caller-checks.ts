import { fleetCallers } from "./callers.js";
import type { Finding } from "./findings.js";
import type { LoadedFleet } from "./load.js";

/**
 * Contracts that nobody may call, and whose file does not say so by `callers: []`: no caller is listed, no contract of the
 * fleet or bridge calls them, and no ingress leads there.
 */
export function callerFindings({ fleet, findingAt }: LoadedFleet): Finding[] {
  const callers = fleetCallers(fleet);
  return fleet.contracts.flatMap(({ name, ingress, callers: listed }, index) => {
    const { all, byMethod, bridges } = callers.get(name)!;
    const somebody = [all, bridges, ...byMethod.values()].some((some) => some.length > 0);
    if (ingress || listed?.length === 0 || somebody) return [];
    const fix = "list who shall: callers: [namespace/serviceaccount], or callers: [] for nobody yet";
    return [findingAt(["spec", "contracts", index, "callers"], { message: `nobody may call ${name}`, fix })];
  });
}
