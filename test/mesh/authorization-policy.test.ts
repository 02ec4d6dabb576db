import assert from "node:assert/strict";
import { contractMesh } from "../../mesh/contract-mesh.js";
import { fleetMesh } from "../../mesh/fleet-mesh.js";
import { accountOf } from "../../src/fleet/callers.js";
import { PORT, podLabels, principal } from "../../src/fleet/names.js";
import { fleetOf, membersOf, model } from "../support/members.js";
import { lets } from "./allowed.js";

const PREDICT = "/acme.fraud.v1.FraudService/Predict";
const STREAM = "/acme.fraud.v1.FraudService/PredictStream";
const INFER = "/inference.GRPCInferenceService/ModelInfer";
const INFER_STREAM = "/inference.GRPCInferenceService/ModelStreamInfer";
const CHECK = "/grpc.health.v1.Health/Check";
const REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const ALL_PATHS = [PREDICT, STREAM, INFER, INFER_STREAM, CHECK, REFLECT, "/metrics", "/"];

const TELEMETRY = "telemetry: { prometheus: { scraper: monitoring/prometheus } }";
const GATEWAY = "istio-system/istio-ingressgateway-service-account";

function contract(name: string, more = ""): string {
  return `name: ${name}\nrevisions: { r1: ${model("r1")} }\n${more}`;
}

/** Asks whether a pod of acme.fraud.v1 lets an account call a path, with all that the fleet's mesh has. */
function guard(contracts: readonly string[], spec = "") {
  const fleet = fleetOf(contracts, spec);
  const members = membersOf(fleet);
  const objects = [...fleetMesh(fleet, members), ...members.flatMap(contractMesh)];
  const { contract: fraud } = members.find((member) => member.contract.name === "acme.fraud.v1")!;
  const pod = podLabels({ fleet: fleet.name, contract: fraud, revision: "r1" });
  return {
    fleet,
    lets: (account: string | undefined, path: string, port: number = PORT.grpc) => {
      const who = account === undefined ? undefined : principal(fleet.mesh.trustDomain, account);
      return lets(objects, pod, { principal: who, port, path });
    },
  };
}

describe("the mesh's policies", () => {
  it("have no rule that lets an unlisted caller in, to any path or port", () => {
    const fraud = guard([contract("acme.fraud.v1", "callers: [shop/checkout]")], TELEMETRY);
    for (const account of [undefined, "shop/cart", "other/checkout", "models/acme-fraud-v1", GATEWAY]) {
      for (const port of [PORT.grpc, PORT.metrics, 8080]) {
        for (const path of ALL_PATHS) assert(!fraud.lets(account, path, port), `${account} ${port} ${path}`);
      }
    }
  });

  it("let a listed caller reach every method, the protocols, and nothing else", () => {
    const fraud = guard([contract("acme.fraud.v1", "callers: [shop/checkout]")]);
    for (const path of [PREDICT, STREAM, INFER, INFER_STREAM, CHECK, REFLECT]) {
      assert(fraud.lets("shop/checkout", path), path);
    }
    for (const path of ["/acme.fraud.v1.FraudService/Train", `${PREDICT}/x`, "/", "/metrics"]) {
      assert(!fraud.lets("shop/checkout", path), path);
    }
    assert(!fraud.lets("shop/checkout", PREDICT, PORT.metrics));
  });

  it("let nobody call a contract without callers", () => {
    const fraud = guard([contract("acme.fraud.v1"), contract("acme.ocr.v1", "callers: [shop/checkout]")]);
    for (const account of [undefined, "shop/checkout", "models/acme-ocr-v1"]) {
      for (const path of ALL_PATHS) assert(!fraud.lets(account, path), `${account} ${path}`);
    }
  });

  it("tell identities of another trust domain apart", () => {
    const contracts = [contract("acme.fraud.v1", "callers: [shop/checkout]")];
    const here = guard(contracts, "mesh: { trustDomain: example.com }");
    assert(here.lets("shop/checkout", PREDICT));
    const objects = membersOf(here.fleet).flatMap(contractMesh);
    const pod = { "flotilla.dev/contract": "acme.fraud.v1" };
    const foreign = { principal: "cluster.local/ns/shop/sa/checkout", port: PORT.grpc, path: PREDICT };
    assert(!lets(objects, pod, foreign));
  });

  it("let a bridge call its one method and learn of it by reflection, and keep the ingress's way open", () => {
    const places = "from: { stream: IN, subject: in.a }, to: { subject: out.a }, deadLetter: { subject: out.dead }";
    const events = `broker: { nats: { servers: [nats://nats] } }
bridges: [{ name: scores, contract: acme.fraud.v1, ${places} }]`;
    const gateway = "ingress: { via: istio, host: a.example.com, tls: { secret: tls } }";
    const contracts = [contract("acme.fraud.v1", "callers: [shop/checkout]\ningress: true")];
    const fraud = guard(contracts, `${events}\n${gateway}`);
    const reached = ALL_PATHS.filter((path) => fraud.lets(`${fraud.fleet.namespace}/bridge-scores`, path));
    assert.deepEqual(reached, [PREDICT, REFLECT]);
    assert(!fraud.lets(`${fraud.fleet.namespace}/bridge-scores`, "/metrics", PORT.metrics));
    assert(fraud.lets(GATEWAY, PREDICT));
    assert(fraud.lets("shop/checkout", INFER));
  });

  it("let a contract call those that it says it calls, and no others", () => {
    const chain = guard([
      contract("acme.fraud.v1"),
      contract("acme.checkout.v1", "calls: [acme.fraud.v1]"),
      contract("acme.ocr.v1"),
    ]);
    assert(chain.lets(accountOf(chain.fleet, "acme.checkout.v1"), PREDICT));
    assert(!chain.lets(accountOf(chain.fleet, "acme.ocr.v1"), PREDICT));
  });

  describe("where a method has callers of its own", () => {
    const more =
      "callers: [shop/checkout, ops/audit]\nmethods: { PredictStream: { callers: [ops/audit, ops/replay] } }";
    const fraud = guard([contract("acme.fraud.v1", more)]);

    it("let them in, in place of the contract's callers", () => {
      assert(fraud.lets("ops/replay", STREAM));
      assert(!fraud.lets("shop/checkout", STREAM));
      assert(!fraud.lets("ops/replay", PREDICT));
      assert(fraud.lets("shop/checkout", PREDICT));
    });

    it("let nobody past it by the Open Inference Protocol who may not call every method", () => {
      for (const path of [INFER, INFER_STREAM]) {
        assert(!fraud.lets("shop/checkout", path), path);
        assert(!fraud.lets("ops/replay", path), path);
        assert(fraud.lets("ops/audit", path), path);
      }
    });

    it("let each of them ask for health", () => {
      for (const account of ["shop/checkout", "ops/audit", "ops/replay"]) assert(fraud.lets(account, CHECK), account);
    });

    it("let nobody call a method whose list is empty", () => {
      const closed = guard([
        contract("acme.fraud.v1", "callers: [shop/checkout]\nmethods: { Predict: { callers: [] } }"),
      ]);
      assert(!closed.lets("shop/checkout", PREDICT));
      assert(closed.lets("shop/checkout", STREAM));
      assert(!closed.lets("shop/checkout", INFER));
    });
  });

  it("let the scraper read the metrics, and call nothing", () => {
    const fraud = guard([contract("acme.fraud.v1", "callers: [shop/checkout]")], TELEMETRY);
    assert(fraud.lets("monitoring/prometheus", "/metrics", PORT.metrics));
    for (const path of ALL_PATHS) assert(!fraud.lets("monitoring/prometheus", path), path);
  });

  describe("with an ingress", () => {
    const ingress = (via: string) => `ingress: { via: ${via}, host: models.example.com, tls: { secret: models-tls } }`;
    const open = contract("acme.fraud.v1", "ingress: true\nmethods: { PredictStream: { callers: [ops/audit] } }");

    for (const [via, account] of [
      ["istio", GATEWAY],
      ["gateway-api", "models/payments-istio"],
    ] as const) {
      it(`let its gateway call the methods that are open to it, via ${via}`, () => {
        const fraud = guard([open], ingress(via));
        assert(fraud.lets(account, PREDICT));
        for (const path of [STREAM, INFER, CHECK, REFLECT]) assert(!fraud.lets(account, path), path);
      });
    }

    it("keep its gateway out of a contract that does not ask for it", () => {
      const fraud = guard([contract("acme.fraud.v1", "callers: [shop/checkout]")], ingress("istio"));
      assert(!fraud.lets(GATEWAY, PREDICT));
    });
  });
});
