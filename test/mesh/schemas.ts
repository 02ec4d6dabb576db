import { Gateway as ApiGateway } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/Gateway";
import { GRPCRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRoute";
import { DestinationRule } from "@kubernetes-models/istio/networking.istio.io/v1/DestinationRule";
import { Gateway } from "@kubernetes-models/istio/networking.istio.io/v1/Gateway";
import { ServiceEntry } from "@kubernetes-models/istio/networking.istio.io/v1/ServiceEntry";
import { Sidecar } from "@kubernetes-models/istio/networking.istio.io/v1/Sidecar";
import { VirtualService } from "@kubernetes-models/istio/networking.istio.io/v1/VirtualService";
import { EnvoyFilter } from "@kubernetes-models/istio/networking.istio.io/v1alpha3/EnvoyFilter";
import { AuthorizationPolicy } from "@kubernetes-models/istio/security.istio.io/v1/AuthorizationPolicy";
import { PeerAuthentication } from "@kubernetes-models/istio/security.istio.io/v1/PeerAuthentication";
import { Telemetry } from "@kubernetes-models/istio/telemetry.istio.io/v1/Telemetry";
import type { MeshObject } from "../../mesh/mesh-object.js";

interface Model {
  new (data: never): { validate(): void };
  readonly apiVersion: string;
  readonly kind: string;
}

const MODELS = [
  ApiGateway,
  AuthorizationPolicy,
  DestinationRule,
  EnvoyFilter,
  Gateway,
  GRPCRoute,
  PeerAuthentication,
  ServiceEntry,
  Sidecar,
  Telemetry,
  VirtualService,
] as unknown as readonly Model[];

/** @throws Error where an object is not what its kind's schema in the cluster says, or has a kind that is none */
export function validate(object: MeshObject): void {
  const model = MODELS.find(({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind);
  if (model === undefined) throw new Error(`no schema of ${object.apiVersion} ${object.kind}`);
  new model(object as never).validate();
}
