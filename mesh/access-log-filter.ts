import type { IEnvoyFilter } from "@kubernetes-models/istio/networking.istio.io/v1alpha3/EnvoyFilter";
import type { FleetSpec } from "../src/fleet/spec.js";
import { fleetMetadata } from "./metadata.js";

type Patch = NonNullable<NonNullable<IEnvoyFilter["spec"]>["configPatches"]>[number];
type Context = "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY";

/** Istio's analyzer warns of every EnvoyFilter, whatever it holds. */
const UNWARNED = { "galley.istio.io/analyze-suppress": "IST0133" };

const CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager";
const TYPES = "type.googleapis.com/envoy";

/** Which way the logged calls go, seen from the pod. */
const DIRECTION = { SIDECAR_INBOUND: "inbound", SIDECAR_OUTBOUND: "outbound", GATEWAY: "ingress" } as const;

/**
 * A line's fields, in Envoy's command operators.
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
const FIELDS = {
  time: "%START_TIME%",
  caller: "%DOWNSTREAM_PEER_URI_SAN%",
  authority: "%REQ(:AUTHORITY)%",
  path: "%REQ(:PATH)%",
  grpc_status: "%GRPC_STATUS(SNAKE_STRING)%",
  // An answer that is nothing but an error has it among its headers.
  grpc_message: "%RESP(GRPC-MESSAGE)%",
  http_status: "%RESPONSE_CODE%",
  flags: "%RESPONSE_FLAGS%",
  details: "%RESPONSE_CODE_DETAILS%",
  duration_ms: "%DURATION%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  revision: "%TRAILER(FLOTILLA-REVISION)%",
  digest: "%TRAILER(FLOTILLA-MODEL-DIGEST)%",
  // As it was asked for: of a call that was refused for it too.
  release: "%REQ(X-FLOTILLA-RELEASE)%",
  route: "%ROUTE_NAME%",
  upstream: "%UPSTREAM_CLUSTER%",
  upstream_host: "%UPSTREAM_HOST%",
  request_id: "%REQ(X-REQUEST-ID)%",
  traceparent: "%REQ(TRACEPARENT)%",
};

/**
 * Calls that were not answered OK: by their gRPC status, by that of HTTP where they are none of gRPC, as reads of the
 * metrics are, or because Envoy itself had something to say of them. Without a gRPC status Envoy takes HTTP's 200 for
 * UNKNOWN, hence the question for the content type.
 */
const NOT_OK = {
  or_filter: {
    filters: [
      {
        and_filter: {
          filters: [
            { header_filter: { header: { name: "content-type", string_match: { prefix: "application/grpc" } } } },
            { grpc_status_filter: { statuses: ["OK"], exclude: true } },
          ],
        },
      },
      {
        status_code_filter: {
          comparison: { op: "GE", value: { default_value: 400, runtime_key: "flotilla.access_log.http_status" } },
        },
      },
      { response_flag_filter: {} },
    ],
  },
};

/**
 * The fleet's access log: a JSON line for each call, or for each that was not answered OK. An EnvoyFilter, because
 * Istio's Telemetry says which calls are logged, but not how: a line's format is the whole mesh's, and in Istio's own a
 * gRPC error is HTTP 200.
 */
export function accessLogFilter(fleet: FleetSpec): IEnvoyFilter[] {
  const { accessLogs } = fleet.telemetry;
  if (accessLogs === "off") return [];
  const contexts: Context[] = ["SIDECAR_INBOUND", "SIDECAR_OUTBOUND"];
  // Only a gateway of the Gateway API lives in the fleet's namespace, where this object holds.
  if (fleet.ingress?.via === "gateway-api") contexts.push("GATEWAY");
  return [
    {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { ...fleetMetadata(fleet, `${fleet.name}-access-log`), annotations: UNWARNED },
      spec: { configPatches: contexts.map((context) => logPatch(context, accessLogs)) },
    },
  ];
}

function logPatch(context: Context, accessLogs: "all" | "errors"): Patch {
  return {
    applyTo: "NETWORK_FILTER",
    match: { context, listener: { filterChain: { filter: { name: CONNECTION_MANAGER } } } },
    patch: {
      operation: "MERGE",
      value: {
        typed_config: {
          "@type": `${TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
          access_log: [
            {
              name: "envoy.access_loggers.stdout",
              ...(accessLogs === "errors" && { filter: NOT_OK }),
              typed_config: {
                "@type": `${TYPES}.extensions.access_loggers.stream.v3.StdoutAccessLog`,
                log_format: { json_format: { direction: DIRECTION[context], ...FIELDS } },
              },
            },
          ],
        },
      },
    },
  };
}
