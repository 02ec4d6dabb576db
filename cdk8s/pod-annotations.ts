import type { Member } from "../src/fleet/members.js";
import { PORT, REGISTER } from "../src/fleet/names.js";
import type { RevisionSpec } from "../src/fleet/spec.js";
import { type Termination, terminationOf } from "./termination.js";

/** What the sidecar injector, Prometheus and people read off a pod. */
export function podAnnotations(member: Member, revision: RevisionSpec): Record<string, string> {
  return {
    // A stub has neither a model nor metrics: those of the sidecar are read all the same.
    ...(member.contract.stub === undefined ? { [REGISTER.digest]: revision.sha256, ...METRICS_READ } : {}),
    ...sidecarAnnotations(terminationOf(member)),
  };
}

/** The injector hands these on to the sidecar, which joins the server's metrics with its own on port 15020. */
export const METRICS_READ: Readonly<Record<string, string>> = {
  "prometheus.io/scrape": "true",
  "prometheus.io/port": String(PORT.metrics),
  "prometheus.io/path": "/metrics",
};

/** What holds for every pod of a fleet, whatever runs in it. */
export function sidecarAnnotations(termination: Pick<Termination, "preStopSeconds" | "drainSeconds">) {
  return {
    // A sidecar that Kubernetes itself starts before all other containers, the one that fetches a model among them, and
    // ends after them (Kubernetes 1.29).
    "sidecar.istio.io/nativeSidecar": "true",
    "proxy.istio.io/config": JSON.stringify(proxyConfig(termination)),
  };
}

/** The same as well as it goes, for an Istio that does not know native sidecars. */
function proxyConfig({ preStopSeconds, drainSeconds }: Pick<Termination, "preStopSeconds" | "drainSeconds">) {
  return {
    // Otherwise the server's first calls to others would fail.
    holdApplicationUntilProxyStarts: true,
    // Istio's is 5 s, after which the sidecar would cut off what the server still works on.
    terminationDrainDuration: `${preStopSeconds + drainSeconds}s`,
    proxyMetadata: {
      // Ends once the last call is answered, and not before calls have stopped to come.
      EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true",
      MINIMUM_DRAIN_DURATION: `${preStopSeconds}s`,
    },
  };
}
