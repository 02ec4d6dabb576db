import assert from "node:assert/strict";
import type { IGRPCRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRoute";
import { contractMesh } from "../../mesh/contract-mesh.js";
import { fleetMesh } from "../../mesh/fleet-mesh.js";
import { gateway } from "../../mesh/gateway.js";
import { grpcRoute } from "../../mesh/grpc-route.js";
import { memberOf, model } from "../support/members.js";

const REVISIONS = `revisions: { r0: ${model("r0")}, r1: ${model("r1")}, r2: ${model("r2")} }`;

function fraud(ingress: string, more = "ingress: true\ntraffic: { r1: 90, r2: 10 }", releases = "") {
  const spec = `ingress: { host: models.example.com, ${ingress} }\n${releases}`;
  return memberOf(`name: acme.fraud.v1\n${REVISIONS}\n${more}`, spec);
}

const ISTIO = "via: istio, tls: { secret: models-tls }";
const API = "via: gateway-api, tls: { secret: models-tls }";

describe("gateway()", () => {
  it("lets callers in over TLS 1.2 and newer alone", () => {
    const { fleet } = fraud(ISTIO);
    for (const { port, tls } of gateway(fleet, fleet.ingress!).spec!.servers!) {
      assert.equal(port.protocol, "HTTPS");
      assert.equal(tls!.mode, "SIMPLE");
      assert.equal(tls!.credentialName, "models-tls");
      assert.equal(tls!.minProtocolVersion, "TLSV1_2");
    }
  });

  it("asks callers for a certificate where the fleet file says so", () => {
    const { fleet } = fraud("via: istio, tls: { secret: models-tls, mutual: true }");
    assert.equal(gateway(fleet, fleet.ingress!).spec!.servers![0]!.tls!.mode, "MUTUAL");
  });

  it("takes routes of the fleet's namespace alone", () => {
    const { fleet } = fraud(ISTIO);
    assert.deepEqual(gateway(fleet, fleet.ingress!).spec!.servers![0]!.hosts, ["./models.example.com"]);
  });
});

describe("an ingress", () => {
  const kinds = (member: ReturnType<typeof fraud>) => {
    return [...fleetMesh(member.fleet, [member]), ...contractMesh(member)].map(({ apiVersion, kind }) => {
      return `${apiVersion.split("/")[0]} ${kind}`;
    });
  };

  it("is of Istio's objects or the Gateway API's, as the fleet file says", () => {
    assert(kinds(fraud(ISTIO)).includes("networking.istio.io Gateway"));
    assert(!kinds(fraud(ISTIO)).includes("gateway.networking.k8s.io Gateway"));
    assert(kinds(fraud(API)).includes("gateway.networking.k8s.io Gateway"));
    assert(!kinds(fraud(API)).includes("networking.istio.io Gateway"));
  });

  it("leads to contracts that ask for it alone", () => {
    const closed = "traffic: { r1: 100 }";
    assert(kinds(fraud(API)).includes("gateway.networking.k8s.io GRPCRoute"));
    assert(!kinds(fraud(API, closed)).includes("gateway.networking.k8s.io GRPCRoute"));
    const virtualServices = (more?: string) => kinds(fraud(ISTIO, more)).filter((kind) => /VirtualService/.test(kind));
    assert.equal(virtualServices().length, 2);
    assert.equal(virtualServices(closed).length, 1);
  });
});

describe("grpcRoute()", () => {
  function rulesOf(more?: string, releases?: string) {
    const member = fraud(API, more, releases);
    const route: IGRPCRoute = grpcRoute(member, member.fleet.ingress!);
    return route.spec.rules!;
  }

  const OPEN = "ingress: true\ntraffic: { r1: 90, r2: 10 }";

  it("leads to the Services of single revisions, by the shares of the fleet file", () => {
    const [rule] = rulesOf();
    const shares = rule!.backendRefs!.map(({ name, weight }) => [name, weight]);
    assert.deepEqual(shares, [
      ["acme-fraud-v1-r1", 90],
      ["acme-fraud-v1-r2", 10],
    ]);
  });

  it("matches whole methods, never everything", () => {
    for (const { matches } of rulesOf(`${OPEN}\ncohorts: { beta: r0 }\nshadow: { revision: r0, percent: 5 }`)) {
      assert(matches!.length > 0);
      for (const { method } of matches!) {
        assert.equal(method!.type, "Exact");
        assert.equal(method!.service, "acme.fraud.v1.FraudService");
        assert(method!.method);
      }
    }
  });

  it("leaves out a method with callers of its own", () => {
    const rules = rulesOf(`${OPEN}\nmethods: { PredictStream: { callers: [ops/audit] } }`);
    const methods = rules.flatMap(({ matches }) => matches!.map(({ method }) => method!.method));
    assert.deepEqual(methods, ["Predict"]);
  });

  it("asks for cohorts before all others", () => {
    const [cohort, others] = rulesOf(`${OPEN}\ncohorts: { beta: r0 }`);
    assert.deepEqual(cohort!.matches![0]!.headers, [{ type: "Exact", name: "x-flotilla-cohort", value: "beta" }]);
    assert.equal(cohort!.backendRefs![0]!.name, "acme-fraud-v1-r0");
    const [split] = rulesOf(`${OPEN}\ncohorts: { beta: { r1: 80, r0: 20 } }`);
    assert.deepEqual(
      split!.backendRefs!.map(({ name, weight }) => [name, weight]),
      [
        ["acme-fraud-v1-r1", 80],
        ["acme-fraud-v1-r0", 20],
      ],
    );
    assert.equal(others!.matches![0]!.headers, undefined);
  });

  it("asks for releases before all others, and tells the server where one led", () => {
    const releases = "releases: { old: { acme.fraud.v1: r2 }, new: { acme.fraud.v1: r2 } }";
    const [release, others] = rulesOf(OPEN, releases);
    const asked = release!.matches!.map(({ method, headers }) => `${method!.method} ${headers![0]!.value}`);
    assert.deepEqual(asked, ["Predict old", "PredictStream old", "Predict new", "PredictStream new"]);
    assert.equal(release!.backendRefs![0]!.name, "acme-fraud-v1-r2");
    const { set, remove } = release!.filters![0]!.requestHeaderModifier!;
    assert.deepEqual(set, [{ name: "x-flotilla-release-revision", value: "acme.fraud.v1=r2" }]);
    assert.deepEqual(remove, ["x-flotilla-pin"]);
    assert.equal(others!.matches![0]!.headers, undefined);
  });

  it("copies calls to the shadow, and no streams", () => {
    const rules = rulesOf(`${OPEN}\nshadow: { revision: r0, percent: 0.5 }`);
    const copied = rules.filter(({ filters }) => filters!.some(({ type }) => type === "RequestMirror"));
    assert.deepEqual(
      copied.flatMap(({ matches }) => matches!.map(({ method }) => method!.method)),
      ["Predict"],
    );
    const mirror = copied[0]!.filters!.find(({ type }) => type === "RequestMirror")!.requestMirror!;
    assert.equal(mirror.backendRef.name, "acme-fraud-v1-r0");
    assert.deepEqual(mirror.fraction, { numerator: 50, denominator: 10_000 });
  });

  it("takes from every call its pins, and what it says of where a release led", () => {
    for (const { filters } of rulesOf(`${OPEN}\ncohorts: { beta: r0 }`)) {
      const { remove } = filters![0]!.requestHeaderModifier!;
      assert.deepEqual(remove, ["x-flotilla-pin", "x-flotilla-release-revision"]);
    }
  });
});
