import type { IGateway } from "@kubernetes-models/istio/networking.istio.io/v1/Gateway";
import type { FleetSpec, IngressSpec } from "../src/fleet/spec.js";
import { fleetMetadata } from "./metadata.js";

const HTTPS_PORT = 443;

/** The way in on an ingress gateway of Istio's that is there: one host, over TLS alone. */
export function gateway(fleet: FleetSpec, ingress: IngressSpec): IGateway {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: fleetMetadata(fleet),
    spec: {
      selector: { istio: ingress.gatewayLabel },
      servers: [
        {
          port: { number: HTTPS_PORT, name: "https-grpc", protocol: "HTTPS" },
          // `./`: routes of this namespace alone, so that nobody else takes calls that are meant for the fleet.
          hosts: [`./${ingress.host}`],
          tls: {
            mode: ingress.mutual ? "MUTUAL" : "SIMPLE",
            credentialName: ingress.tlsSecret,
            minProtocolVersion: "TLSV1_2",
          },
        },
      ],
    },
  };
}
