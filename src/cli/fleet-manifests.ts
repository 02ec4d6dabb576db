import { type ManifestFile, synthesize } from "../../cdk8s/fleet-app.js";
import { bridgeFindings } from "../fleet/bridge-checks.js";
import { FleetError } from "../fleet/findings.js";
import { openFleet } from "../fleet/load.js";
import { fleetMembers, type Member } from "../fleet/members.js";
import { methodFindings } from "../fleet/method-checks.js";
import { contractServices } from "../fleet/services.js";
import type { FleetSpec } from "../fleet/spec.js";

/** A fleet, and what a cluster needs for it. */
export interface FleetManifests {
  readonly fleet: FleetSpec;
  readonly members: readonly Member[];
  readonly files: readonly ManifestFile[];
}

/**
 * The manifests of a fleet.
 * @throws FleetError with every finding
 */
export async function fleetManifests(file: string): Promise<FleetManifests> {
  const loaded = openFleet(file);
  const { fleet } = loaded;
  const names = fleet.contracts.map((contract) => contract.name);
  const services = await contractServices(fleet.root, names);
  const findings = [...methodFindings(loaded, services), ...bridgeFindings(loaded, services)];
  if (findings.length > 0) throw new FleetError(findings);
  const members = fleetMembers(fleet, services);
  return { fleet, members, files: synthesize(fleet, members) };
}
