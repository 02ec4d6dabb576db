import type { k8s } from "cdk8s-plus-28";
import type { Member } from "../src/fleet/members.js";
import { podLabels, revisionSelector, serviceName } from "../src/fleet/names.js";
import type { RevisionSpec } from "../src/fleet/spec.js";
import { initContainers, serverContainer, TEMPORARY_VOLUME } from "./containers.js";
import { isImageVolume, modelVolume } from "./model-volume.js";
import { podAnnotations } from "./pod-annotations.js";
import { POD_SECURITY } from "./pod-security.js";
import { terminationOf } from "./termination.js";

/** The pods of a revision, but for what Kubernetes 1.28 did not know. */
export function podTemplate(member: Member, revision: RevisionSpec): k8s.PodTemplateSpec {
  const { fleet, contract } = member;
  const fetches = initContainers(member, revision);
  const pullSecrets = fleet.images.pullSecrets.map((name) => ({ name }));
  return {
    metadata: {
      labels: podLabels({ fleet: fleet.name, contract, revision: revision.name }),
      annotations: podAnnotations(member, revision),
    },
    spec: {
      serviceAccountName: serviceName(contract.name),
      // A model has nothing to ask of the API server. The sidecar has a token of its own, good for the mesh alone.
      automountServiceAccountToken: false,
      // The services of a large namespace would fill the environment.
      enableServiceLinks: false,
      ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets } : {}),
      terminationGracePeriodSeconds: terminationOf(member).graceSeconds,
      securityContext: POD_SECURITY,
      topologySpreadConstraints: spread(revisionSelector(contract.name, revision.name)),
      ...(fetches.length > 0 ? { initContainers: fetches } : {}),
      containers: [serverContainer(member, revision)],
      volumes: volumes(revision),
    },
  };
}

/** An image as a volume is among what Kubernetes 1.28 did not know. */
function volumes(revision: RevisionSpec): k8s.Volume[] {
  const model = modelVolume(revision);
  if (model === undefined || isImageVolume(model.volume)) return [TEMPORARY_VOLUME];
  return [TEMPORARY_VOLUME, model.volume];
}

/** Preferred, not required: in a small cluster two pods on one node are better than one pod. */
export function spread(matchLabels: Record<string, string>): k8s.TopologySpreadConstraint[] {
  return ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels },
    // Each state of a roll-out is spread by itself; otherwise the old pods would decide where the new ones go.
    matchLabelKeys: ["pod-template-hash"],
  }));
}
