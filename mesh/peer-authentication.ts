import type { IPeerAuthentication } from "@kubernetes-models/istio/security.istio.io/v1/PeerAuthentication";
import type { FleetSpec } from "../src/fleet/spec.js";
import { fleetMetadata } from "./metadata.js";

/** The fleet's pods answer over mutual TLS alone: who calls is known by a certificate, or isn't let in. */
export function peerAuthentication(fleet: FleetSpec): IPeerAuthentication {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: fleetMetadata(fleet),
    spec: { mtls: { mode: "STRICT" } },
  };
}
