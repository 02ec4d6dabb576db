import assert from "node:assert/strict";
import { Metrics } from "../../src/telemetry/metrics.js";
import { memberOf, model } from "../support/members.js";
import { workloadsOf } from "./synthesized.js";

const PROMETHEUS =
  "telemetry: { prometheus: { scraper: monitoring/prometheus, address: http://prometheus.monitoring:9090 } }";
const contract = (tuning: string, more = "") => `
name: acme.fraud.v1
revisions: { r1: ${model("r1", tuning)} }
${more}`;
const autoscaler = (tuning: string, more = "", spec = "") =>
  workloadsOf(memberOf(contract(tuning, more), spec)).one("HorizontalPodAutoscaler").spec!;

describe("a revision's autoscaler", () => {
  it("keeps to the fleet file's fewest and most pods", () => {
    const { minReplicas, maxReplicas } = autoscaler("replicas: { min: 3, max: 7 }");
    assert.deepEqual([minReplicas, maxReplicas], [3, 7]);
  });

  it("means per cent of the processors that a pod may use, whatever it asks for", () => {
    for (const request of ["", ", cpuRequest: 100m"]) {
      const { metrics } = autoscaler(`resources: { cpu: 2${request} }, replicas: { min: 1, cpuUtilization: 70 }`);
      assert.deepEqual(metrics![0]!.containerResource!.target, { type: "AverageValue", averageValue: "1400m" });
    }
  });

  it("looks at the server's container, not at its sidecar", () => {
    const workloads = workloadsOf(memberOf(contract("replicas: { min: 1 }")));
    const { metrics } = workloads.one("HorizontalPodAutoscaler").spec!;
    assert.equal(metrics![0]!.containerResource!.container, workloads.pod().containers[0]!.name);
  });

  it("looks at the calls in flight only where it is asked to, by a metric that the server has", () => {
    assert.equal(autoscaler("replicas: { min: 1 }").metrics!.length, 1);
    const [, calls] = autoscaler("replicas: { min: 1, inFlight: 16 }").metrics!;
    const { metric, target } = calls!.pods!;
    assert.deepEqual(target, { type: "AverageValue", averageValue: "16" });
    assert(new Metrics().registry.getSingleMetric(metric.name), metric.name);
  });

  it("adds pods at once and takes them away slowly", () => {
    const { scaleUp, scaleDown } = autoscaler("replicas: { min: 1 }").behavior!;
    assert.equal(scaleUp!.stabilizationWindowSeconds, 0);
    assert(scaleDown!.stabilizationWindowSeconds! >= 300);
  });

  it("scales what has the pods: the Deployment, or the Rollout of Argo Rollouts", () => {
    const name = "acme-fraud-v1-r1";
    const plain = autoscaler("replicas: { min: 1 }").scaleTargetRef;
    assert.deepEqual(plain, { apiVersion: "apps/v1", kind: "Deployment", name });
    const argo = autoscaler("replicas: { min: 1 }", "delivery: { engine: argo }", PROMETHEUS).scaleTargetRef;
    assert.deepEqual(argo, { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "acme-fraud-v1-live" });
  });

  it("scales the Deployment of a revision beside the one that the engine rolls out", () => {
    const member = memberOf(
      `
name: acme.fraud.v1
revisions: { r1: ${model("r1")}, r2: ${model("r2")} }
traffic: { r1: 100 }
shadow: { revision: r2, percent: 10 }
delivery: { engine: argo }`,
      PROMETHEUS,
    );
    const kindOf = (name: string) => workloadsOf(member).one("HorizontalPodAutoscaler", name).spec!.scaleTargetRef.kind;
    assert.equal(kindOf("acme-fraud-v1-live"), "Rollout");
    assert.equal(kindOf("acme-fraud-v1-r2"), "Deployment");
  });
});

describe("a revision's disruption budget", () => {
  it("lets nodes be emptied, one pod at a time, and never keeps a broken pod", () => {
    for (const min of [1, 5]) {
      const { spec } = workloadsOf(memberOf(contract(`replicas: { min: ${min} }`))).one("PodDisruptionBudget");
      assert.equal(spec!.maxUnavailable, 1);
      assert.equal(spec!.unhealthyPodEvictionPolicy, "AlwaysAllow");
    }
  });
});
