import assert from "node:assert/strict";
import type { INetworkPolicyPeer, INetworkPolicyPort } from "kubernetes-models/networking.k8s.io/v1";
import { fleetOf, memberOf, membersOf, model } from "../support/members.js";
import { fleetWorkloadOf, type Synthesized, workloadsOf } from "./synthesized.js";

const contract = (more = "") => `
name: acme.fraud.v1
revisions: { r1: ${model("r1")} }
${more}`;

interface Rule {
  readonly ports?: INetworkPolicyPort[];
  readonly from?: INetworkPolicyPeer[];
}

/** Who may reach a port: a line a peer, and "everybody" for a rule that names none. */
function reachersOf(workloads: Synthesized, port: number, name = "acme-fraud-v1"): string[] {
  const rules: readonly Rule[] = workloads.one("NetworkPolicy", name).spec!.ingress ?? [];
  const open = rules.filter(({ ports }) => ports === undefined || ports.some((one) => one.port === port));
  return open.flatMap(({ from = [] }) => (from.length === 0 ? ["everybody"] : from.map(describePeer)));
}

function describePeer({ namespaceSelector, podSelector }: INetworkPolicyPeer): string {
  const namespace = namespaceSelector?.matchLabels?.["kubernetes.io/metadata.name"];
  const pods = [
    ...Object.values(podSelector?.matchLabels ?? {}),
    ...(podSelector?.matchExpressions ?? []).map(({ key }) => key),
  ];
  return [namespaceSelector && (namespace ?? "any namespace"), pods.join()].filter(Boolean).join(": ");
}

/** The ports that a policy lets its pods reach, and whose. */
function reachedBy(workloads: Synthesized, name = "acme-fraud-v1"): string[] {
  const rules = workloads.one("NetworkPolicy", name).spec!.egress ?? [];
  return rules.map(({ to = [], ports = [] }) => {
    const peers = to.length === 0 ? "anywhere" : to.map(describePeer).join("; ");
    return `${peers} ${ports.map(({ port }) => port).join()}`.trim();
  });
}

describe("who reaches a contract's pods", () => {
  it("are its callers' namespaces alone", () => {
    const workloads = workloadsOf(memberOf(contract("callers: [shop/checkout, shop/cart, bank/ledger]")));
    assert.deepEqual(reachersOf(workloads, 8500), ["bank", "shop"]);
  });

  it("are those of a single method's callers, too", () => {
    const methods = "callers: [shop/checkout]\nmethods: { PredictStream: { callers: [phones/gateway] } }";
    assert.deepEqual(reachersOf(workloadsOf(memberOf(contract(methods))), 8500), ["phones", "shop"]);
  });

  it("is nobody where there are no callers", () => {
    const workloads = workloadsOf(memberOf(contract()));
    for (const port of [8500, 8502, 15020]) assert.deepEqual(reachersOf(workloads, port), []);
  });

  it("are the pods of the contracts that call it, and no others of the fleet", () => {
    const fleet = fleetOf([
      contract(),
      `name: acme.risk.v1\nrevisions: { r1: ${model("r1")} }\ncalls: [acme.fraud.v1]`,
      `name: acme.other.v1\nrevisions: { r1: ${model("r1")} }`,
    ]);
    const workloads = workloadsOf(...membersOf(fleet));
    assert.deepEqual(reachersOf(workloads, 8500), ["acme.risk.v1"]);
    assert(reachedBy(workloads, "acme-risk-v1").includes("acme.fraud.v1 8500,15008"));
    assert(!reachedBy(workloads, "acme-other-v1").some((line) => line.includes("8500")));
  });

  it("is the ingress gateway, where the contract has an ingress", () => {
    const istio = "ingress: { via: istio, host: a.example.com, tls: { secret: tls } }";
    const api = "ingress: { via: gateway-api, host: a.example.com, tls: { secret: tls } }";
    const reachers = (spec: string, more = "ingress: true") =>
      reachersOf(workloadsOf(memberOf(contract(more), spec)), 8500);
    assert.deepEqual(reachers(istio), ["istio-system: ingressgateway"]);
    assert.deepEqual(reachers(api), ["gateway.networking.k8s.io/gateway-name"]);
    assert.deepEqual(reachers(istio, ""), []);
  });

  it("is the scraper's namespace at the metrics, and nobody else there", () => {
    const scraper = "telemetry: { prometheus: { scraper: monitoring/prometheus } }";
    const workloads = workloadsOf(memberOf(contract("callers: [shop/checkout]"), scraper));
    for (const port of [8502, 15020]) assert.deepEqual(reachersOf(workloads, port), ["monitoring"]);
    assert.deepEqual(reachersOf(workloads, 8500), ["shop"]);
  });

  it("never finds the metrics' port on the Service", () => {
    const { ports } = workloadsOf(memberOf(contract())).one("Service").spec!;
    assert.deepEqual(
      ports!.map(({ name, port, appProtocol }) => [name, port, appProtocol]),
      [["grpc", 8500, "grpc"]],
    );
  });
});

describe("what a contract's pods reach", () => {
  it("are names, the control plane and a span collector", () => {
    const mesh = "mesh: { namespace: mesh-control }";
    assert.deepEqual(reachedBy(workloadsOf(memberOf(contract(), mesh))), [
      "anywhere 53,53",
      "mesh-control 15012",
      "mesh-control 4317,4318,9411",
    ]);
  });

  it("are the collector's namespace, where the fleet file says one", () => {
    const telemetry = "telemetry: { tracing: { collector: observability/otel } }";
    const reached = reachedBy(workloadsOf(memberOf(contract(), telemetry)));
    assert(reached.includes("observability 4317,4318,9411"), reached.join());
  });

  const storeOf = (endpoint: string) =>
    workloadsOf(
      memberOf(`
name: acme.fraud.v1
revisions:
  r1: ${model("r1", `source: { s3: s3://models/r1.onnx, endpoint: "${endpoint}" }`)}
  r2: ${model("r2")}
traffic: { r1: 100 }`),
    );

  it("is the store of its model for the revision that fetches it, and for no other", () => {
    const workloads = storeOf("https://s3.example.com");
    assert.deepEqual(reachedBy(workloads, "acme-fraud-v1-r1"), ["anywhere 443"]);
    const { podSelector } = workloads.one("NetworkPolicy", "acme-fraud-v1-r1").spec!;
    assert.equal(podSelector!.matchLabels!["flotilla.dev/revision"], "r1");
    assert.equal(workloads.all("NetworkPolicy").length, 2);
  });

  it("is a store in the cluster by its namespace, whatever port its pods listen on", () => {
    assert.deepEqual(reachedBy(storeOf("http://minio.storage.svc:80"), "acme-fraud-v1-r1"), ["storage"]);
  });
});

describe("the fleet's namespace", () => {
  const GATEWAY = "ingress: { via: gateway-api, host: a.example.com, tls: { secret: tls } }";

  it("lets nothing in or out by default", () => {
    const { spec } = fleetWorkloadOf(fleetOf([contract()])).one("NetworkPolicy", "default-deny");
    assert.deepEqual(spec, { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });

  it("lets callers reach the gateway that is made in it, and that gateway the fleet", () => {
    const workloads = fleetWorkloadOf(fleetOf([contract()], GATEWAY));
    assert.deepEqual(reachersOf(workloads, 443, "payments-gateway"), ["everybody"]);
    assert.deepEqual(reachersOf(workloads, 8500, "payments-gateway"), []);
    assert(reachedBy(workloads, "payments-gateway").includes("payments 8500,15008"));
  });
});
