import { parseFleet } from "../../src/fleet/load.js";
import { fleetMembers, type Member } from "../../src/fleet/members.js";
import type { ContractService } from "../../src/fleet/services.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { ROOT } from "./contract-fixture.js";

/** A digest like any other. */
const DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";

/** A revision's mapping with a model, and what else is given: `r1: ${model("r1")}`. */
export function model(name: string, more = ""): string {
  return `{ model: models/${name}.onnx, sha256: ${DIGEST}${more === "" ? "" : `, ${more}`} }`;
}

/** A fleet of the contracts given as YAML mappings without indentation, and lines of `spec` before them. */
export function fleetOf(contracts: readonly string[], spec = ""): FleetSpec {
  const listed = contracts.map((contract) => `    - ${contract.trim().split("\n").join("\n      ")}`);
  const more = spec === "" ? "" : `\n  ${spec.trim().split("\n").join("\n  ")}`;
  const text = `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: payments, namespace: models }
spec:${more}
  contracts:
${listed.join("\n")}
`;
  return parseFleet(text, { file: "fleet.yaml", root: ROOT }).fleet;
}

/** The service that tests give a contract: `Predict` and, as a stream, `PredictStream`. */
export function serviceOf(contract: string): ContractService {
  return {
    name: `${contract}.${contract
      .split(".")
      .at(-2)!
      .replace(/^./, (letter) => letter.toUpperCase())}Service`,
    methods: [
      { name: "Predict", streaming: false },
      { name: "PredictStream", streaming: true },
    ],
  };
}

/** The members of a fleet whose contracts have `Predict` and `PredictStream`. */
export function membersOf(fleet: FleetSpec): Member[] {
  return fleetMembers(fleet, new Map(fleet.contracts.map(({ name }) => [name, serviceOf(name)])));
}

/** The only member of a fleet of one contract, given as a YAML mapping without indentation. */
export function memberOf(contract: string, spec = ""): Member {
  return membersOf(fleetOf([contract], spec))[0]!;
}
