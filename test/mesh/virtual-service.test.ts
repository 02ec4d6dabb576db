import assert from "node:assert/strict";
import { methodClasses } from "../../mesh/method-class.js";
import { weightedRouteNames } from "../../mesh/routes.js";
import { ingressVirtualService, virtualService } from "../../mesh/virtual-service.js";
import type { Member } from "../../src/fleet/members.js";
import { memberOf, model } from "../support/members.js";
import { routeOf, routesOf, sharesOf } from "./route-table.js";

const PREDICT = "/acme.fraud.v1.FraudService/Predict";
const STREAM = "/acme.fraud.v1.FraudService/PredictStream";
const INGRESS = "ingress: { via: istio, host: models.example.com, tls: { secret: models-tls } }";
const REVISIONS = `revisions: { r0: ${model("r0")}, r1: ${model("r1")}, r2: ${model("r2")} }`;
const PIN = "x-flotilla-pin";
const COHORT = "x-flotilla-cohort";
const RELEASE = "x-flotilla-release";
const LED_TO = "x-flotilla-release-revision";
const RELEASES = "releases: { old: { acme.fraud.v1: r1 }, new: { acme.fraud.v1: r2 }, newest: { acme.fraud.v1: r2 } }";

function fraud(more = "traffic: { r1: 90, r2: 10 }", spec = ""): Member {
  return memberOf(`name: acme.fraud.v1\ndeadline: 200ms\n${REVISIONS}\n${more}`, spec);
}

function meshRoutes(member: Member) {
  return routesOf(virtualService(member));
}

function ingressRoutes(member: Member) {
  return routesOf(ingressVirtualService(member, member.fleet.ingress!));
}

describe("virtualService()", () => {
  it("splits calls and streams by the shares of the fleet file", () => {
    const routes = meshRoutes(fraud());
    for (const path of [PREDICT, STREAM]) {
      assert.deepEqual(sharesOf(routeOf(routes, path)), { r1: 90, r2: 10 });
    }
  });

  it("has no route for a path that the contract does not have", () => {
    const routes = meshRoutes(fraud());
    for (const path of [
      "/acme.fraud.v1.FraudService/Train",
      "/acme.fraud.v1.FraudService/Predict/more",
      "/acme.fraud.v1.FraudService/",
      "/acme.ocr.v1.OcrService/Predict",
      "/metrics",
      "/",
    ]) {
      assert.equal(routeOf(routes, path), undefined, path);
    }
  });

  it("leads a pinned call to that revision, whatever its share and cohort", () => {
    const routes = meshRoutes(fraud("traffic: { r1: 100 }\ncohorts: { beta: r2 }"));
    const pinned = routeOf(routes, PREDICT, { [PIN]: "acme.ocr.v1=r2, acme.fraud.v1=r0", [COHORT]: "beta" });
    assert.deepEqual(sharesOf(pinned), { r0: 100 });
  });

  it("treats a call with another contract's pin, or one of no revision, like any other", () => {
    const routes = meshRoutes(fraud());
    for (const pin of ["acme.ocr.v1=r0", "acme.fraud.v1=r9"]) {
      assert.equal(routeOf(routes, PREDICT, { [PIN]: pin }), routeOf(routes, PREDICT));
    }
  });

  it("leads a cohort to its revision, and a cohort that is none to the others", () => {
    const routes = meshRoutes(fraud("traffic: { r1: 100 }\ncohorts: { beta: r2 }"));
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT, { [COHORT]: "beta" })), { r2: 100 });
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT, { [COHORT]: "alpha" })), { r1: 100 });
  });

  it("splits a cohort's calls as the file says, streams and those of an ingress too", () => {
    const routes = meshRoutes(fraud("traffic: { r1: 100 }\ncohorts: { beta: { r1: 80, r2: 20, r0: 0 } }"));
    for (const path of [PREDICT, STREAM]) {
      assert.deepEqual(sharesOf(routeOf(routes, path, { [COHORT]: "beta" })), { r1: 80, r2: 20 });
      assert.deepEqual(sharesOf(routeOf(routes, path, {})), { r1: 100 });
    }
  });

  it("guards each share of a cohort by the fallback", () => {
    const guarded = "traffic: { r1: 100 }\ncohorts: { beta: { r1: 80, r2: 20 } }\nfallback: { revision: r0 }";
    const route = routeOf(meshRoutes(fraud(guarded)), PREDICT, { [COHORT]: "beta" });
    assert.deepEqual(sharesOf(route), { "r1-or-r0": 80, "r2-or-r0": 20 });
  });

  it("leads a call that names a release to the revision that it holds, whatever its cohort, and tells the server so", () => {
    const guarded = "traffic: { r1: 100 }\ncohorts: { beta: r1 }\nfallback: { revision: r0 }";
    const routes = meshRoutes(fraud(guarded, RELEASES));
    for (const [release, revision] of [
      ["old", "r1"],
      ["new", "r2"],
      ["newest", "r2"],
    ] as const) {
      for (const path of [PREDICT, STREAM]) {
        const route = routeOf(routes, path, { [RELEASE]: release, [COHORT]: "beta" });
        assert.deepEqual(sharesOf(route), { [revision]: 100 }, `${path} of ${release}`);
        assert.deepEqual(route!.headers, { request: { set: { [LED_TO]: `acme.fraud.v1=${revision}` } } });
      }
    }
  });

  it("tells the server nothing of a release that does not hold the contract", () => {
    const routes = meshRoutes(fraud("traffic: { r1: 100 }", RELEASES));
    const route = routeOf(routes, PREDICT, { [RELEASE]: "unknown" });
    assert.equal(route, routeOf(routes, PREDICT));
    assert.equal(route!.headers, undefined);
  });

  it("leads a pinned call by its pin, whatever its release, and tells the server of no release", () => {
    const routes = meshRoutes(fraud("traffic: { r1: 100 }", RELEASES));
    const route = routeOf(routes, PREDICT, { [RELEASE]: "new", [PIN]: "acme.fraud.v1=r0" });
    assert.deepEqual(sharesOf(route), { r0: 100 });
    assert.equal(route!.headers, undefined);
  });

  it("gives calls the contract's deadline, streams an hour, and a method its own", () => {
    const routes = meshRoutes(fraud("traffic: { r1: 100 }\nmethods: { PredictStream: { deadline: 10m } }"));
    assert.equal(routeOf(routes, PREDICT)!.timeout, "0.2s");
    assert.equal(routeOf(routes, STREAM)!.timeout, "600s");
    assert.equal(routeOf(meshRoutes(fraud()), STREAM)!.timeout, "3600s");
  });

  it("knows which methods of the shared protocols are streams", () => {
    const routes = meshRoutes(fraud());
    const timeouts = {
      "/inference.GRPCInferenceService/ModelInfer": "0.2s",
      "/inference.GRPCInferenceService/ModelStreamInfer": "3600s",
      "/grpc.health.v1.Health/Check": "0.2s",
      "/grpc.health.v1.Health/Watch": "3600s",
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "3600s",
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "3600s",
    };
    for (const [path, timeout] of Object.entries(timeouts)) {
      assert.equal(routeOf(routes, path)?.timeout, timeout, path);
    }
  });

  it("copies the shadow's share of calls to it, none of streams, pins and cohorts", () => {
    const shadow = "traffic: { r1: 100 }\ncohorts: { beta: r1 }\nshadow: { revision: r2, percent: 20 }";
    const routes = meshRoutes(fraud(shadow));
    const [mirror] = routeOf(routes, PREDICT)!.mirrors!;
    assert.equal(mirror!.destination.subset, "r2");
    assert.deepEqual(mirror!.percentage, { value: 20 });
    const steered: Record<string, string>[] = [{ [PIN]: "acme.fraud.v1=r1" }, { [COHORT]: "beta" }];
    for (const headers of steered) {
      assert.equal(routeOf(routes, PREDICT, headers)!.mirrors, undefined);
    }
    assert.equal(routeOf(routes, STREAM)!.mirrors, undefined);
  });

  it("guards traffic and cohorts by the fallback, but neither pins nor the shadow", () => {
    const guarded = `traffic: { r1: 100 }\ncohorts: { beta: r2 }\nfallback: { revision: r0 }
shadow: { revision: r2, percent: 5 }`;
    const routes = meshRoutes(fraud(guarded));
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT)), { "r1-or-r0": 100 });
    assert.deepEqual(sharesOf(routeOf(routes, STREAM)), { "r1-or-r0": 100 });
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT, { [COHORT]: "beta" })), { "r2-or-r0": 100 });
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT, { [PIN]: "acme.fraud.v1=r1" })), { r1: 100 });
    assert.equal(routeOf(routes, PREDICT)!.mirrors![0]!.destination.subset, "r2");
  });

  it("begins a roll-out by Argo with all calls on the stable state", () => {
    const delivery = "traffic: { r1: 100 }\ndelivery: { engine: argo }";
    const prometheus =
      "telemetry: { prometheus: { scraper: monitoring/prometheus, address: http://prometheus.monitoring:9090 } }";
    const routes = meshRoutes(fraud(delivery, prometheus));
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT)), { stable: 100, canary: 0 });
    assert.deepEqual(sharesOf(routeOf(routes, STREAM)), { stable: 100, canary: 0 });
  });

  it("says by name which routes split the traffic, for whoever shifts it", () => {
    const member = fraud("traffic: { r1: 90, r2: 10 }\nmethods: { PredictStream: { deadline: 10m } }");
    const split = meshRoutes(member).filter((route) => Object.keys(sharesOf(route)).length > 1);
    assert.deepEqual(
      split.map(({ name }) => name),
      weightedRouteNames(methodClasses(member)),
    );
  });
});

describe("ingressVirtualService()", () => {
  const open = fraud(
    "traffic: { r1: 90, r2: 10 }\ncohorts: { beta: r0 }\ningress: true\nmethods: { PredictStream: { callers: [ops/audit] } }",
    `${INGRESS}\n${RELEASES}`,
  );

  it("is a host of the ingress alone, on the fleet's own gateway", () => {
    const { spec } = ingressVirtualService(open, open.fleet.ingress!);
    assert.deepEqual(spec!.hosts, ["models.example.com"]);
    assert.deepEqual(spec!.gateways, ["models/payments"]);
  });

  it("splits calls like the mesh does, and knows its cohorts", () => {
    const routes = ingressRoutes(open);
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT)), { r1: 90, r2: 10 });
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT, { [COHORT]: "beta" })), { r0: 100 });
  });

  it("lets nobody outside pin a revision, here or further on", () => {
    const routes = ingressRoutes(open);
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT, { [PIN]: "acme.fraud.v1=r2" })), { r1: 90, r2: 10 });
    for (const route of routes) assert(route.headers!.request!.remove!.includes(PIN), route.name);
  });

  it("leads those who name a release, and lets nobody outside say that it led them", () => {
    const routes = ingressRoutes(open);
    assert.deepEqual(sharesOf(routeOf(routes, PREDICT, { [RELEASE]: "new" })), { r2: 100 });
    for (const { headers, name } of routes) {
      const { set = {}, remove = [] } = headers!.request!;
      assert.notEqual(remove.includes(LED_TO), LED_TO in set, name);
    }
  });

  it("has no route for a method with callers of its own, nor for what all contracts share", () => {
    const routes = ingressRoutes(open);
    for (const path of [STREAM, "/inference.GRPCInferenceService/ModelInfer", "/grpc.health.v1.Health/Check"]) {
      assert.equal(routeOf(routes, path), undefined, path);
    }
  });
});
