import type { Finding } from "./findings.js";
import type { LoadedFleet } from "./load.js";
import type { ContractService } from "./services.js";

/**
 * Methods that bridges name and can't call: the contract's service does not have them, or they are streams, and an event
 * is one request with one answer.
 * @param services by contract
 */
export function bridgeFindings(
  { fleet, findingAt }: LoadedFleet,
  services: ReadonlyMap<string, ContractService>,
): Finding[] {
  return fleet.bridges.flatMap(({ contract, method }, index) => {
    const service = services.get(contract);
    if (service === undefined) return [];
    const called = service.methods.find(({ name }) => name === method);
    if (called !== undefined && !called.streaming) return [];
    const unary = service.methods.filter(({ streaming }) => !streaming).map(({ name }) => name);
    const message =
      called === undefined
        ? `${service.name} has no method ${method}`
        : `${method} is a stream, and an event is one request with one answer`;
    const fix = unary.length === 0 ? "call another contract" : `its unary methods are ${unary.join(", ")}`;
    return [findingAt(["spec", "bridges", index, "method"], { message, fix })];
  });
}
