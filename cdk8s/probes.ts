import type { k8s } from "cdk8s-plus-28";
import { LIVENESS_SERVICE, PORT } from "../src/fleet/names.js";

/** How long a model may take to be read, checked, loaded and warmed up. */
export const START_LIMIT_SECONDS = 300;

/** The probes of a server. Istio's agent asks them in the kubelet's place, as that has no certificate of the mesh. */
export function probes(): Required<Pick<k8s.Container, "startupProbe" | "readinessProbe" | "livenessProbe">> {
  return {
    // Asked every second, so that a pod that is added in a rush takes calls as soon as it can.
    startupProbe: {
      grpc: { port: PORT.grpc },
      periodSeconds: 1,
      timeoutSeconds: 1,
      failureThreshold: START_LIMIT_SECONDS,
    },
    readinessProbe: { grpc: { port: PORT.grpc }, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 },
    // Not the models' health: a restart would cost a pod all its calls, where one worker has died and is being replaced.
    livenessProbe: {
      grpc: { port: PORT.grpc, service: LIVENESS_SERVICE },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
  };
}
