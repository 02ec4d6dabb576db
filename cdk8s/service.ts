import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import { PORT } from "../src/fleet/names.js";

/** Name, place and labels of a Service, and the labels of the pods behind it. */
export interface ServiceOptions {
  readonly metadata: k8s.ObjectMeta;
  readonly selector: Record<string, string>;
}

/** A Service of servers. The metrics' port is not among its ports: the scraper goes to each pod. */
export function addService(scope: Construct, { metadata, selector }: ServiceOptions): void {
  new k8s.KubeService(scope, `service-${metadata.name}`, {
    metadata,
    spec: {
      type: "ClusterIP",
      selector,
      // By this Istio knows that it may balance and retry single calls; otherwise it would balance connections.
      ports: [{ name: "grpc", port: PORT.grpc, targetPort: k8s.IntOrString.fromString("grpc"), appProtocol: "grpc" }],
    },
  });
}
