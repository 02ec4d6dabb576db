import type { Member } from "../src/fleet/members.js";
import { bridgeLabels, bridgeName, contractLabels, fleetLabels, serviceName } from "../src/fleet/names.js";
import type { BridgeSpec, FleetSpec } from "../src/fleet/spec.js";

/** Name, place and labels of an object. */
export interface Metadata {
  name: string;
  namespace: string;
  labels: Record<string, string>;
}

/** Metadata of an object that belongs to a contract. @param name the contract's Service's by default */
export function contractMetadata({ fleet, contract }: Member, name = serviceName(contract.name)): Metadata {
  return { name, namespace: fleet.namespace, labels: contractLabels(fleet.name, contract.name) };
}

/** Metadata of an object that belongs to a bridge. @param name the bridge's Deployment's by default */
export function bridgeMetadata(fleet: FleetSpec, bridge: BridgeSpec, name = bridgeName(bridge.name)): Metadata {
  return { name, namespace: fleet.namespace, labels: bridgeLabels(fleet.name, bridge.name) };
}

/** Metadata of an object that belongs to the whole fleet. @param name the fleet's by default */
export function fleetMetadata(fleet: FleetSpec, name = fleet.name): Metadata {
  return { name, namespace: fleet.namespace, labels: fleetLabels(fleet.name) };
}
