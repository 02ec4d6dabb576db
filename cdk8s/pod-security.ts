import type { k8s } from "cdk8s-plus-28";

/**
 * A user that no image and no node has. The image's files are everybody's to read, so that any will do; the security
 * checkers that operators run ask for one above 10000.
 */
const NOBODY = 65532;

/** What the Pod Security Standard `restricted` asks of a pod. The group may write to the volumes that the pod makes. */
export const POD_SECURITY: k8s.PodSecurityContext = {
  runAsNonRoot: true,
  runAsUser: NOBODY,
  runAsGroup: NOBODY,
  fsGroup: NOBODY,
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

/** What it asks of each container, and a root file system that nobody writes to. */
export const CONTAINER_SECURITY: k8s.SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  privileged: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
};
