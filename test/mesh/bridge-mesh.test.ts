import assert from "node:assert/strict";
import { bridgeMesh } from "../../mesh/bridge-mesh.js";
import { brokerPlaces } from "../../mesh/broker-place.js";
import { fleetMesh } from "../../mesh/fleet-mesh.js";
import type { MeshObject } from "../../mesh/mesh-object.js";
import { brokerEntries } from "../../mesh/service-entry.js";
import { bridgeLabels, principal } from "../../src/fleet/names.js";
import type { FleetSpec } from "../../src/fleet/spec.js";
import { fleetOf, membersOf, model } from "../support/members.js";
import { lets } from "./allowed.js";
import { validate } from "./schemas.js";

const TELEMETRY = "telemetry: { prometheus: { scraper: monitoring/prometheus } }";

function fleetWith(servers: string): FleetSpec {
  const places = "from: { stream: IN, subject: in.a }, to: { subject: out.a }, deadLetter: { subject: out.dead }";
  const bridges = `bridges: [{ name: scores, contract: acme.fraud.v1, ${places} }]`;
  const contract = `name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }`;
  return fleetOf([contract], `broker: { nats: { servers: [${servers}] } }\n${bridges}\n${TELEMETRY}`);
}

function meshOf(fleet: FleetSpec): MeshObject[] {
  return [...fleetMesh(fleet, membersOf(fleet)), ...bridgeMesh(fleet, fleet.bridges[0]!)];
}

/** What the bridge's pods know of the mesh, by the port where there is one. */
function known(servers: string): [number | undefined, readonly string[]][] {
  const sidecar = meshOf(fleetWith(servers)).find(({ kind }) => kind === "Sidecar") as unknown as {
    spec: { egress: { port?: { number: number; protocol: string }; hosts: string[] }[] };
  };
  for (const { port } of sidecar.spec.egress) assert.equal(port?.protocol ?? "TCP", "TCP");
  return sidecar.spec.egress.map(({ port, hosts }) => [port?.number, hosts]);
}

const CALLED = [undefined, ["models/acme-fraud-v1.models.svc.cluster.local", "istio-system/*"]];

describe("a bridge's mesh", () => {
  it("is valid by the schema of each kind, wherever the broker is", () => {
    for (const servers of ["nats://nats.messaging", "nats://nats.example.com, nats://10.1.2.3:4333"])
      for (const object of meshOf(fleetWith(servers))) validate(object);
  });

  it("knows the broker's namespace at its port, as TCP, and the contract", () => {
    assert.deepEqual(known("nats://nats.messaging:4333"), [[4333, ["messaging/*"]], CALLED]);
  });

  it("knows a broker outside by an entry that leads where its name resolves to", () => {
    const servers = "nats://nats-a.example.com, nats://10.1.2.3:4333";
    const hosts = ["models/nats-a.example.com", "models/10-1-2-3.broker.internal"];
    assert.deepEqual(known(servers), [[4222, hosts], [4333, hosts], CALLED]);
    const [entry] = brokerEntries(fleetWith(servers));
    assert.deepEqual(entry!.spec!.hosts, ["nats-a.example.com", "10-1-2-3.broker.internal"]);
    assert.deepEqual(
      entry!.spec!.ports!.map(({ number, protocol }) => [number, protocol]),
      [
        [4222, "TCP"],
        [4333, "TCP"],
      ],
    );
    assert.deepEqual(brokerEntries(fleetWith("nats://nats.messaging")), []);
  });

  for (const [host, namespace] of [
    ["nats", "models"],
    ["nats.messaging", "messaging"],
    ["nats.messaging.svc", "messaging"],
    ["nats.messaging.svc.cluster.local", "messaging"],
    ["nats-0.nats-headless.messaging.svc.cluster.local", "messaging"],
  ]) {
    it(`takes ${host} for a Service of the namespace ${namespace}`, () => {
      assert.deepEqual(brokerPlaces(fleetWith(`nats://${host}`)), {
        namespaces: [namespace],
        outside: [],
        ports: [4222],
      });
    });
  }

  it("lets the scraper read the metrics, and nobody do anything else", () => {
    const fleet = fleetWith("nats://nats.messaging");
    const asks = (account: string, port: number) =>
      lets(meshOf(fleet), bridgeLabels(fleet.name, "scores"), {
        principal: principal(fleet.mesh.trustDomain, account),
        port,
        path: "/metrics",
      });
    assert(asks("monitoring/prometheus", 8502));
    assert(!asks("monitoring/prometheus", 8500));
    assert(!asks("shop/checkout", 8502));
  });
});
