import assert from "node:assert/strict";
import fc from "fast-check";
import { contractMesh } from "../../mesh/contract-mesh.js";
import { fleetMesh } from "../../mesh/fleet-mesh.js";
import type { HttpRoute } from "../../mesh/http-route.js";
import type { MeshObject } from "../../mesh/mesh-object.js";
import type { Member } from "../../src/fleet/members.js";
import { PORT, podLabels, principal } from "../../src/fleet/names.js";
import { membersOf } from "../support/members.js";
import { lets } from "./allowed.js";
import { arbitraryFleet } from "./arbitrary-fleet.js";
import { routesOf } from "./route-table.js";
import { validate } from "./schemas.js";

/** Holds a promise against many fleets. */
function ofAnyFleet(promise: (objects: MeshObject[], members: Member[]) => void): void {
  fc.assert(
    fc.property(arbitraryFleet, (fleet) => {
      const members = membersOf(fleet);
      promise([...fleetMesh(fleet, members), ...members.flatMap(contractMesh)], members);
    }),
    { numRuns: 150 },
  );
}

function allRoutes(objects: readonly MeshObject[]): HttpRoute[] {
  return objects.filter(({ kind }) => kind === "VirtualService").flatMap(routesOf);
}

describe("the mesh of any fleet", function () {
  this.timeout(60_000);

  it("is valid by the schema of each kind", () => {
    ofAnyFleet((objects) => {
      for (const object of objects) validate(object);
    });
  });

  it("has one object of a kind and name", () => {
    ofAnyFleet((objects) => {
      const names = objects.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata!.name}`);
      assert.equal(new Set(names).size, names.length);
    });
  });

  it("lives in the fleet's namespace, under names and labels that Kubernetes takes", () => {
    ofAnyFleet((objects) => {
      for (const { metadata } of objects) {
        assert.equal(metadata!.namespace, "models");
        assert.match(metadata!.name!, /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);
        for (const value of Object.values(metadata!.labels!)) {
          assert.match(value, /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/);
        }
      }
    });
  });

  it("has routes whose shares add up to 100, under names of their own", () => {
    ofAnyFleet((objects) => {
      for (const object of objects.filter(({ kind }) => kind === "VirtualService")) {
        const names = routesOf(object).map(({ name }) => name);
        assert.equal(new Set(names).size, names.length);
      }
      for (const { route } of allRoutes(objects)) {
        const sum = route!.reduce((total, { weight }) => total + weight!, 0);
        assert.equal(sum, 100);
      }
    });
  });

  it("leads to subsets alone that a DestinationRule has, each once", () => {
    ofAnyFleet((objects) => {
      const subsets = new Map(
        objects
          .filter(({ kind }) => kind === "DestinationRule")
          .map((object) => (object as { spec?: { host: string; subsets?: { name: string }[] } }).spec!)
          .map(({ host, subsets = [] }) => [host, subsets.map(({ name }) => name)]),
      );
      for (const names of subsets.values()) assert.equal(new Set(names).size, names.length);
      for (const { route, mirrors } of allRoutes(objects)) {
        for (const { destination } of [...route!, ...(mirrors ?? [])]) {
          assert(subsets.get(destination.host)?.includes(destination.subset!), destination.subset);
        }
      }
    });
  });

  it("tries no route's calls again where one of them is a stream, and copies none", () => {
    ofAnyFleet((objects) => {
      for (const { match, retries, mirrors } of allRoutes(objects)) {
        const isStream = match!.some(({ uri }) => /Stream|Watch|reflection/.test(JSON.stringify(uri)));
        if (!isStream) continue;
        assert.equal(retries!.attempts, 0);
        assert.equal(mirrors, undefined);
      }
    });
  });

  it("says of each route how long a call may take and how often it is tried", () => {
    ofAnyFleet((objects) => {
      for (const { timeout, retries, match } of allRoutes(objects)) {
        assert.match(timeout!, /^\d+(\.\d+)?s$/);
        assert.equal(typeof retries!.attempts, "number");
        assert(match!.length > 0);
      }
    });
  });

  it("lets nobody in without a certificate, nor anybody whom no list names", () => {
    ofAnyFleet((objects, members) => {
      for (const { fleet, contract, service } of members) {
        const pod = podLabels({ fleet: fleet.name, contract, revision: contract.revisions[0]!.name });
        const paths = [...service.methods.map(({ name }) => `/${service.name}/${name}`), "/metrics", "/"];
        for (const port of Object.values(PORT)) {
          for (const path of paths) {
            assert(!lets(objects, pod, { principal: undefined, port, path }));
            assert(!lets(objects, pod, { principal: principal("cluster.local", "shop/stranger"), port, path }));
          }
        }
      }
    });
  });

  it("is the same whenever it is made", () => {
    ofAnyFleet((objects, members) => {
      const again = [...fleetMesh(members[0]!.fleet, members), ...members.flatMap(contractMesh)];
      assert.equal(JSON.stringify(again), JSON.stringify(objects));
    });
  });
});
