import { packageVersion } from "./package-root.js";
import type { FleetFile, RevisionFile } from "./schema.js";
import { CLUSTER_DEFAULTS } from "./schema-cluster.js";
import type { ImagesSpec, IngressSpec, MeshSpec, SourceSpec, TelemetrySpec } from "./spec.js";

/** Region that S3-compatible stores take for their own where nobody says one. */
const S3_REGION = "us-east-1";

export function resolveImages(file: FleetFile): ImagesSpec {
  const { images } = file.spec;
  return {
    repository: images?.repository ?? `localhost/${file.metadata.name}`,
    version: images?.version ?? packageVersion(),
    pullSecrets: images?.pullSecrets ?? [],
  };
}

export function resolveMesh({ spec: { mesh } }: FleetFile): MeshSpec {
  return {
    trustDomain: mesh?.trustDomain ?? CLUSTER_DEFAULTS.trustDomain,
    namespace: mesh?.namespace ?? CLUSTER_DEFAULTS.istioNamespace,
    cni: mesh?.cni ?? CLUSTER_DEFAULTS.cni,
  };
}

export function resolveTelemetry({ spec: { telemetry } }: FleetFile): TelemetrySpec {
  return {
    scraper: telemetry?.prometheus?.scraper,
    discovery: telemetry?.prometheus?.discovery ?? CLUSTER_DEFAULTS.discovery,
    prometheusAddress: telemetry?.prometheus?.address,
    samplingPercent: telemetry?.tracing?.sampling ?? CLUSTER_DEFAULTS.sampling,
    tracingProvider: telemetry?.tracing?.provider,
    tracingCollector: telemetry?.tracing?.collector,
    accessLogs: telemetry?.accessLogs ?? CLUSTER_DEFAULTS.accessLogs,
    dashboard: telemetry?.dashboard ?? true,
  };
}

export function resolveIngress({ spec: { ingress } }: FleetFile): IngressSpec | undefined {
  if (ingress === undefined) return undefined;
  return {
    via: ingress.via,
    host: ingress.host,
    tlsSecret: ingress.tls.secret,
    mutual: ingress.tls.mutual ?? false,
    gatewayLabel: ingress.gateway?.label ?? CLUSTER_DEFAULTS.gatewayLabel,
    gatewayAccount: ingress.gateway?.serviceAccount ?? CLUSTER_DEFAULTS.gatewayAccount,
    gatewayClass: ingress.gateway?.class ?? CLUSTER_DEFAULTS.gatewayClass,
  };
}

export function resolveSource(source: RevisionFile["source"]): SourceSpec | undefined {
  if (source === undefined) return undefined;
  const { image, claim, s3, path, endpoint, region, secret } = source;
  if (s3 !== undefined) return { kind: "s3", url: s3, endpoint: endpoint!, region: region ?? S3_REGION, secret };
  return image !== undefined
    ? { kind: "image", reference: image, path: path! }
    : { kind: "claim", claim: claim!, path: path! };
}
