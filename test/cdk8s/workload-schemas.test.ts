import assert from "node:assert/strict";
import path from "node:path";
import { Deployment } from "kubernetes-models/apps/v1";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { Namespace, Service, ServiceAccount } from "kubernetes-models/v1";
import { loadFleet } from "../../src/fleet/load.js";
import { ROOT } from "../support/contract-fixture.js";
import { fleetOf, membersOf, model } from "../support/members.js";
import { bridgesOf, fleetWorkloadOf, workloadsOf } from "./synthesized.js";

const KINDS = {
  Deployment,
  HorizontalPodAutoscaler,
  Namespace,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
};

describe("workloads of the example fleets", () => {
  for (const file of ["fleet.yaml", "fleet.options.yaml"]) {
    const fleet = loadFleet(path.join(ROOT, file));
    const objects = [
      ...fleetWorkloadOf(fleet).objects,
      ...workloadsOf(...membersOf(fleet)).objects,
      ...bridgesOf(fleet).objects,
    ];

    it(`are what Kubernetes' schemas say, in ${file}`, () => {
      for (const object of objects) {
        const Kind = KINDS[object.kind as keyof typeof KINDS] as new (data: object) => { validate(): void };
        assert.doesNotThrow(() => new Kind(object).validate(), `${object.kind} ${object.metadata!.name}`);
      }
    });

    it(`are of the fleet's namespace and carry its labels, in ${file}`, () => {
      for (const { kind, metadata } of objects) {
        if (kind !== "Namespace") assert.equal(metadata!.namespace, fleet.namespace, `${kind} ${metadata!.name}`);
        assert.equal(metadata!.labels!["app.kubernetes.io/part-of"], fleet.name, `${kind} ${metadata!.name}`);
      }
    });

    it(`have a name each that no other of their kind has, in ${file}`, () => {
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata!.name}`);
      assert.equal(new Set(names).size, names.length);
    });
  }
});

describe("a revision's Service", () => {
  const services = (ingress: string) => {
    const fleet = fleetOf([`name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }\ningress: true`], ingress);
    return workloadsOf(...membersOf(fleet))
      .all("Service")
      .map(({ metadata }) => metadata!.name);
  };

  it("is there where a GRPCRoute's weights need it, and nowhere else", () => {
    const ingress = (via: string) => `ingress: { via: ${via}, host: a.example.com, tls: { secret: tls } }`;
    assert.deepEqual(services(ingress("gateway-api")), ["acme-fraud-v1", "acme-fraud-v1-r1"]);
    assert.deepEqual(services(ingress("istio")), ["acme-fraud-v1"]);
  });
});
