import type { Finding } from "./findings.js";
import type { LoadedFleet } from "./load.js";
import { nearest } from "./nearest.js";
import type { ContractService } from "./services.js";

/**
 * Methods that the fleet file names and the contract's service does not have: their deadline and their callers would mean
 * nothing.
 * @param services by contract
 */
export function methodFindings(
  { fleet, findingAt }: LoadedFleet,
  services: ReadonlyMap<string, ContractService>,
): Finding[] {
  return fleet.contracts.flatMap((contract, index) => {
    const service = services.get(contract.name);
    if (service === undefined) return [];
    const known = service.methods.map(({ name }) => name);
    const unknown = [...contract.methods.keys()].filter((name) => !known.includes(name));
    return unknown.map((name) => {
      const meant = nearest(name, known);
      const fix = meant === undefined ? `the service has ${known.join(", ")}` : `did you mean ${meant}?`;
      const path = ["spec", "contracts", index, "methods", name];
      return findingAt(path, { message: `${service.name} has no such method`, fix });
    });
  });
}
