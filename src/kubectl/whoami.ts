import type { Cluster } from "./cluster.js";

interface SelfSubjectReview {
  readonly status?: { readonly userInfo?: { readonly username?: string } };
}

/** Who the cluster says that we are; the kubeconfig's name for us where it does not say (before Kubernetes 1.28). */
export async function whoAmI(cluster: Cluster): Promise<string> {
  const apiVersion = "authentication.k8s.io/v1";
  const { status, body } = await cluster.request({
    method: "POST",
    path: `/apis/${apiVersion}/selfsubjectreviews`,
    body: { apiVersion, kind: "SelfSubjectReview" },
  });
  const name = status === 201 ? (body as SelfSubjectReview).status?.userInfo?.username : undefined;
  return name ?? cluster.user;
}
