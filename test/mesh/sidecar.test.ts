import assert from "node:assert/strict";
import { serviceEntries } from "../../mesh/service-entry.js";
import { sidecar } from "../../mesh/sidecar.js";
import { fleetOf, memberOf, membersOf, model } from "../support/members.js";

function fromStore(endpoint: string): string {
  return model("r1", `source: { s3: "s3://models/r1.onnx", endpoint: "${endpoint}" }`);
}

function hostsOf(member: ReturnType<typeof memberOf>): string[] {
  return sidecar(member).spec!.egress!.flatMap(({ hosts }) => hosts);
}

describe("sidecar()", () => {
  it("knows the contracts that its own calls, and the control plane's namespace", () => {
    const [, checkout] = membersOf(
      fleetOf([
        `name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }`,
        `name: acme.checkout.v1\nrevisions: { r1: ${model("r1")} }\ncalls: [acme.fraud.v1]`,
        `name: acme.ocr.v1\nrevisions: { r1: ${model("r1")} }`,
      ]),
    );
    assert.deepEqual(hostsOf(checkout!), ["models/acme-fraud-v1.models.svc.cluster.local", "istio-system/*"]);
  });

  it("lets nothing out that it does not know", () => {
    const member = memberOf(`name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }`);
    assert.deepEqual(hostsOf(member), ["istio-system/*"]);
    assert.equal(sidecar(member).spec!.outboundTrafficPolicy!.mode, "REGISTRY_ONLY");
  });

  it("knows the collector of the spans", () => {
    const telemetry = "telemetry: { tracing: { collector: observability/otel } }";
    const member = memberOf(`name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }`, telemetry);
    assert(hostsOf(member).includes("observability/otel.observability.svc.cluster.local"), hostsOf(member).join());
  });

  for (const [endpoint, host] of [
    ["https://s3.example.com", "models/s3.example.com"],
    ["http://minio.storage.svc.cluster.local:9000", "storage/minio.storage.svc.cluster.local"],
    ["http://minio.storage.svc:9000", "storage/minio.storage.svc.cluster.local"],
    ["http://10.0.0.5:9000", "models/10-0-0-5.store.internal"],
  ] as const) {
    it(`knows the store ${endpoint}, where its model is`, () => {
      const member = memberOf(`name: acme.fraud.v1\nrevisions: { r1: ${fromStore(endpoint)} }`);
      assert(hostsOf(member).includes(host), hostsOf(member).join());
    });
  }
});

describe("serviceEntries()", () => {
  function entriesOf(...endpoints: string[]) {
    const contracts = endpoints.map((endpoint, index) => {
      return `name: acme.m${index}.v1\nrevisions: { r1: ${fromStore(endpoint)} }`;
    });
    const fleet = fleetOf(contracts);
    return serviceEntries(fleet, membersOf(fleet));
  }

  it("tell the mesh of a store outside the cluster, by name and port", () => {
    const [entry] = entriesOf("https://s3.example.com");
    assert.deepEqual(entry!.spec.hosts, ["s3.example.com"]);
    assert.deepEqual(entry!.spec.ports, [{ number: 443, name: "tls-443", protocol: "TLS" }]);
    assert.equal(entry!.spec.resolution, "DNS");
  });

  it("are one for a host, however many contracts and ports it has", () => {
    const entries = entriesOf("http://s3.example.com:9000", "https://s3.example.com", "http://s3.example.com:9000");
    assert.equal(entries.length, 1);
    assert.deepEqual(
      entries[0]!.spec.ports!.map(({ name }) => name),
      ["http-9000", "tls-443"],
    );
  });

  it("say nothing of a Service of the cluster, which the mesh knows", () => {
    assert.deepEqual(entriesOf("http://minio.storage.svc.cluster.local:9000"), []);
  });

  it("give a store without a name its address", () => {
    const [entry] = entriesOf("http://10.0.0.5:9000");
    assert.deepEqual(entry!.spec.addresses, ["10.0.0.5"]);
    assert.deepEqual(entry!.spec.endpoints, [{ address: "10.0.0.5" }]);
    assert.deepEqual(entry!.spec.ports, [{ number: 9000, name: "tcp-9000", protocol: "TCP" }]);
  });
});
