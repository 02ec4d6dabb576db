import assert from "node:assert/strict";
import type { IContainer } from "kubernetes-models/v1";
import { memberOf, model } from "../support/members.js";
import { fleetWorkloadOf, workloadsOf } from "./synthesized.js";

const SOURCE = "source: { s3: s3://models/fraud/r1.onnx, endpoint: https://s3.example.com, secret: keys }";
const CONTRACT = `
name: acme.fraud.v1
revisions: { r1: ${model("r1", SOURCE)} }`;

describe("a pod's security", () => {
  const workloads = workloadsOf(memberOf(CONTRACT));
  const pod = workloads.pod();
  const containers: IContainer[] = [...pod.initContainers!, ...pod.containers];

  it("is what the standard `restricted` asks for, of every container", () => {
    assert.equal(pod.securityContext!.runAsNonRoot, true);
    assert.notEqual(pod.securityContext!.runAsUser, 0);
    assert.deepEqual(pod.securityContext!.seccompProfile, { type: "RuntimeDefault" });
    assert.equal(containers.length, 2);
    for (const { name, securityContext } of containers) {
      assert.equal(securityContext!.allowPrivilegeEscalation, false, name);
      assert.deepEqual(securityContext!.capabilities, { drop: ["ALL"] }, name);
    }
  });

  it("leaves nothing to write to but volumes of a limited size", () => {
    for (const { name, securityContext } of containers)
      assert.equal(securityContext!.readOnlyRootFilesystem, true, name);
    for (const { name, emptyDir } of pod.volumes!) assert.match(String(emptyDir!.sizeLimit), /^\d+Mi$/, name);
    for (const { name, resources } of containers) assert(resources!.limits!["ephemeral-storage"], name);
  });

  it("gives no pod a token", () => {
    assert.equal(pod.automountServiceAccountToken, false);
    const account = workloads.one("ServiceAccount");
    assert.equal(account.automountServiceAccountToken, false);
    assert.equal(pod.serviceAccountName, account.metadata!.name);
  });
});

describe("the fleet's namespace", () => {
  const labels = (spec: string) => fleetWorkloadOf(memberOf(CONTRACT, spec).fleet).one("Namespace").metadata!.labels!;

  it("has Istio put a sidecar into each pod", () => {
    assert.equal(labels("")["istio-injection"], "enabled");
  });

  it("enforces `restricted` where no sidecar needs more than that", () => {
    assert.equal(labels("mesh: { cni: true }")["pod-security.kubernetes.io/enforce"], "restricted");
  });

  it("warns, and leaves what is enforced to the cluster, where sidecars need NET_ADMIN to begin", () => {
    assert.equal(labels("")["pod-security.kubernetes.io/enforce"], undefined);
    assert.equal(labels("")["pod-security.kubernetes.io/warn"], "restricted");
  });
});
