import { fleetCallers } from "./callers.js";
import type { Finding } from "./findings.js";
import type { LoadedFleet } from "./load.js";

/** Contracts that nobody may call: no caller is listed, no contract of the fleet calls them, and no ingress leads there. */
export function callerFindings({ fleet, findingAt }: LoadedFleet): Finding[] {
  const callers = fleetCallers(fleet);
  return fleet.contracts.flatMap(({ name, ingress }, index) => {
    const { all, byMethod } = callers.get(name)!;
    if (ingress || all.length > 0 || [...byMethod.values()].some((some) => some.length > 0)) return [];
    const fix = "list who shall: callers: [namespace/serviceaccount]";
    return [findingAt(["spec", "contracts", index, "callers"], { message: `nobody may call ${name}`, fix })];
  });
}
