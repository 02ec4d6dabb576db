import assert from "node:assert/strict";
import type { IDeployment } from "kubernetes-models/apps/v1";
import type { IPodTemplateSpec } from "kubernetes-models/v1";
import { type Manifest, synthesize } from "../../cdk8s/fleet-app.js";
import { createStubCommand } from "../../src/cli/stub.js";
import { fleetOf, membersOf, model } from "../support/members.js";

const REVISIONS = `
name: acme.fraud.v1
callers: [shop/checkout]
revisions:
  r1: ${model("r1", "source: { claim: models, path: r1.onnx }")}
  r2: ${model("r2")}
traffic: { r1: 90, r2: 10 }
cohorts: { beta: r2 }
objectives: { p99: 40ms }`;
const MONITORED = "telemetry: { prometheus: { scraper: monitoring/prometheus } }";
const STUB = '\nstub: { latency: "p50=20ms,p99=200ms", errors: { UNAVAILABLE: 2, INTERNAL: 0.5 } }';

function objectsOf(contract: string): Manifest[] {
  const fleet = fleetOf([contract], MONITORED);
  return synthesize(fleet, membersOf(fleet)).flatMap(({ objects }) => objects);
}

describe("a contract that is a stub", () => {
  const [real, stub] = [objectsOf(REVISIONS), objectsOf(REVISIONS + STUB)];
  const of = (objects: readonly Manifest[], kind: string) => objects.filter((object) => object.kind === kind);
  const deployments = (objects: readonly Manifest[]) => of(objects, "Deployment") as IDeployment[];
  const pods = (objects: readonly Manifest[]) => deployments(objects).map(({ spec }) => spec!.template);
  const container = (pod: IPodTemplateSpec) => pod.spec!.containers[0]!;

  for (const kind of [
    ...["Service", "ServiceAccount", "VirtualService", "DestinationRule"],
    ...["AuthorizationPolicy", "NetworkPolicy", "Sidecar"],
  ]) {
    it(`has the ${kind} of its models: callers can't tell`, () => {
      assert(of(real, kind).length > 0);
      assert.deepEqual(of(stub, kind), of(real, kind));
    });
  }

  it("has pods with the labels, identity, image and probes of its models' pods, and one for each revision", () => {
    const names = deployments(stub).map(({ metadata }) => metadata!.name);
    assert.deepEqual(names, ["acme-fraud-v1-r1", "acme-fraud-v1-r2"]);
    for (const [index, pod] of pods(stub).entries()) {
      const other = pods(real)[index]!;
      assert.deepEqual(pod.metadata!.labels, other.metadata!.labels);
      assert.equal(pod.spec!.serviceAccountName, other.spec!.serviceAccountName);
      for (const field of ["image", "startupProbe", "readinessProbe", "livenessProbe", "securityContext"] as const)
        assert.deepEqual(container(pod)[field], container(other)[field], field);
    }
    assert(deployments(stub).every(({ spec }) => spec!.replicas === 1));
    assert.equal(of(stub, "HorizontalPodAutoscaler").length, 0);
  });

  it("runs the command that answers with no model, with the profile that the file says", async () => {
    for (const pod of pods(stub)) {
      const args = container(pod).args!;
      const profile = ["--latency", "p50=20ms,p99=200ms", "--errors", "UNAVAILABLE=2%,INTERNAL=0.5%"];
      assert.deepEqual(args, ["stub", "acme.fraud.v1", "--host", "0.0.0.0", "--no-golden", ...profile]);
      // The command itself takes them.
      const command = createStubCommand().action(() => undefined);
      await command.parseAsync(args.slice(1), { from: "user" });
      assert.equal(command.opts().errors, "UNAVAILABLE=2%,INTERNAL=0.5%");
    }
    const [plain] = pods(objectsOf(`${REVISIONS}\nstub: {}`));
    assert.deepEqual(container(plain!).args, ["stub", "acme.fraud.v1", "--host", "0.0.0.0", "--no-golden"]);
  });

  it("answers by the golden cases of each revision where the file says so", () => {
    const args = pods(objectsOf(`${REVISIONS}\nstub: { golden: true }`)).map((pod) => container(pod).args!);
    const of = (revision: string) => ["stub", "acme.fraud.v1", "--host", "0.0.0.0", "--revision", revision];
    assert.deepEqual(args, [of("r1"), of("r2")]);
  });

  it("needs nothing of a model: no volume, no metrics, no digest and no alert", () => {
    const text = (objects: readonly Manifest[]) => JSON.stringify(pods(objects));
    for (const ofModel of ["persistentVolumeClaim", "prometheus.io/", "model-digest", "http-metrics"]) {
      assert(text(real).includes(ofModel), ofModel);
      assert(!text(stub).includes(ofModel), ofModel);
    }
    for (const pod of pods(stub)) assert.equal(container(pod).resources!.requests!.memory, "192Mi");
    const alerts = (objects: readonly Manifest[]) =>
      of(objects, "ConfigMap").filter(({ metadata }) => metadata.name.endsWith("-alerts"));
    assert.equal(alerts(real).length, 1);
    assert.equal(alerts(stub).length, 0);
  });
});
