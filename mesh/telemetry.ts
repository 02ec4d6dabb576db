import type { ITelemetry } from "@kubernetes-models/istio/telemetry.istio.io/v1/Telemetry";
import type { Member } from "../src/fleet/members.js";
import { contractSelector } from "../src/fleet/names.js";
import type { FleetSpec } from "../src/fleet/spec.js";
import { contractMetadata, fleetMetadata } from "./metadata.js";

type Tracing = NonNullable<NonNullable<ITelemetry["spec"]>["tracing"]>[number];

/** Istio's built-in provider of access logs. One has to be named, or a log that the mesh's settings ask for stays on. */
const LOG_PROVIDER = "envoy";

/** Spans of the fleet, and no access log of the mesh's own: access-log-filter.ts has the fleet's. */
export function fleetTelemetry(fleet: FleetSpec): ITelemetry {
  return {
    apiVersion: "telemetry.istio.io/v1",
    kind: "Telemetry",
    metadata: fleetMetadata(fleet),
    spec: {
      tracing: [tracing(fleet, fleet.telemetry.samplingPercent)],
      accessLogging: [{ providers: [{ name: LOG_PROVIDER }], disabled: true }],
    },
  };
}

/** Spans of a contract whose share of traced calls is its own. All else is the fleet's. */
export function contractTelemetry(member: Member): ITelemetry[] {
  const { fleet, contract } = member;
  if (contract.samplingPercent === fleet.telemetry.samplingPercent) return [];
  return [
    {
      apiVersion: "telemetry.istio.io/v1",
      kind: "Telemetry",
      metadata: contractMetadata(member),
      spec: {
        selector: { matchLabels: contractSelector(contract.name) },
        tracing: [tracing(fleet, contract.samplingPercent)],
      },
    },
  ];
}

function tracing({ telemetry }: FleetSpec, samplingPercent: number): Tracing {
  const { tracingProvider } = telemetry;
  return {
    ...(tracingProvider !== undefined && { providers: [{ name: tracingProvider }] }),
    randomSamplingPercentage: samplingPercent,
  };
}
