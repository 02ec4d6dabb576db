import { k8s } from "cdk8s-plus-28";
import type { Construct } from "constructs";
import { bridgeMetadata } from "../mesh/metadata.js";
import { bridgeArguments, bridgeDrainMs, CREDENTIALS_FOLDER } from "../src/fleet/bridge-arguments.js";
import { bridgeLabels, bridgeSelector, PORT, runtimeReference } from "../src/fleet/names.js";
import type { BridgeSpec, FleetSpec } from "../src/fleet/spec.js";
import { containerResources, TEMPORARY_MOUNT, TEMPORARY_VOLUME } from "./containers.js";
import { SETTLE_SECONDS } from "./deployment.js";
import { spread } from "./pod.js";
import { METRICS_READ, sidecarAnnotations } from "./pod-annotations.js";
import { CONTAINER_SECURITY, POD_SECURITY } from "./pod-security.js";

/** For what has no limit of its own: the last acknowledgements, the sidecar. */
const SPARE_SECONDS = 10;
const CREDENTIALS = "broker-credentials";

/** The Deployment of a bridge. */
export function addBridgeDeployment(scope: Construct, fleet: FleetSpec, bridge: BridgeSpec): void {
  const { min, scaleOnLag } = bridge.replicas;
  new k8s.KubeDeployment(scope, "deployment", {
    metadata: bridgeMetadata(fleet, bridge),
    spec: {
      // A number would be set again with each `kubectl apply`, whatever the autoscaler has made of it.
      ...(scaleOnLag === undefined ? { replicas: min } : {}),
      revisionHistoryLimit: 5,
      minReadySeconds: SETTLE_SECONDS,
      selector: { matchLabels: bridgeSelector(bridge.name) },
      strategy: strategy(fleet, bridge),
      template: {
        metadata: {
          labels: bridgeLabels(fleet.name, bridge.name),
          annotations: {
            ...METRICS_READ,
            ...sidecarAnnotations({ preStopSeconds: 0, drainSeconds: drainSeconds(fleet, bridge) }),
          },
        },
        spec: podSpec(fleet, bridge),
      },
    },
  });
}

/** Of events of NATS that have an order one pod takes all: the old one is gone before the new one begins. */
function strategy({ broker }: FleetSpec, { orderBy }: BridgeSpec): k8s.DeploymentStrategy {
  if (orderBy !== undefined && broker!.kind === "nats") return { type: "Recreate" };
  const rollingUpdate = { maxSurge: k8s.IntOrString.fromNumber(1), maxUnavailable: k8s.IntOrString.fromNumber(0) };
  return { type: "RollingUpdate", rollingUpdate };
}

function podSpec(fleet: FleetSpec, bridge: BridgeSpec): k8s.PodSpec {
  const pullSecrets = fleet.images.pullSecrets.map((name) => ({ name }));
  const secretName = fleet.broker!.secret;
  // The pod's group alone reads it.
  const credentials = secretName && { name: CREDENTIALS, secret: { secretName, defaultMode: 0o440 } };
  return {
    serviceAccountName: bridgeMetadata(fleet, bridge).name,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets } : {}),
    terminationGracePeriodSeconds: drainSeconds(fleet, bridge) + SPARE_SECONDS,
    securityContext: POD_SECURITY,
    topologySpreadConstraints: spread(bridgeSelector(bridge.name)),
    containers: [container(fleet, bridge)],
    volumes: [TEMPORARY_VOLUME, ...(credentials ? [credentials] : [])],
  };
}

function container(fleet: FleetSpec, bridge: BridgeSpec): k8s.Container {
  const credentials = { name: CREDENTIALS, mountPath: CREDENTIALS_FOLDER, readOnly: true };
  return {
    name: "bridge",
    image: runtimeReference(fleet.images),
    imagePullPolicy: "IfNotPresent",
    args: bridgeArguments(fleet, bridge),
    ports: [{ name: "http-metrics", containerPort: PORT.metrics }],
    // Ready is who has a connection to the broker and has found the fleet; alive is who answers at all.
    startupProbe: { ...probe("/healthz"), periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: 5, failureThreshold: 2 },
    livenessProbe: { ...probe("/healthz"), periodSeconds: 10, failureThreshold: 3 },
    resources: containerResources(bridge.resources),
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [TEMPORARY_MOUNT, ...(fleet.broker!.secret === undefined ? [] : [credentials])],
  };
}

function probe(path: string): k8s.Probe {
  return { httpGet: { path, port: k8s.IntOrString.fromNumber(PORT.metrics) }, timeoutSeconds: 5 };
}

function drainSeconds(fleet: FleetSpec, bridge: BridgeSpec): number {
  return Math.ceil(bridgeDrainMs(fleet, bridge) / 1000);
}
