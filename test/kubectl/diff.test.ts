import assert from "node:assert/strict";
import { objectDiff } from "../../src/kubectl/diff.js";
import type { KubeObject } from "../../src/kubectl/kube-object.js";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

function service(spec: object, more: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "a", namespace: "b", ...more }, spec } as KubeObject;
}

/** Lines that a diff takes away or adds. */
function changes(applied: Parameters<typeof objectDiff>[0]): string[] {
  return objectDiff(applied)
    .filter((line) => /^[-+]/.test(line))
    .map((line) => line.replace(/ +/, " "));
}

describe("objectDiff()", () => {
  it("does not tell what the cluster alone writes", () => {
    const wanted = service({ port: 1 });
    const live = { ...service({ port: 1 }, { uid: "1", resourceVersion: "7", generation: 2 }), status: { ready: 1 } };
    const planned = service({ port: 1 }, { uid: "1", resourceVersion: "8", generation: 3, managedFields: [{}] });
    assert.deepEqual(objectDiff({ live, wanted, planned }), []);
  });

  it("tells what the apply changes, defaults of the cluster included", () => {
    const live = service({ port: 1, type: "ClusterIP" });
    const planned = service({ port: 2, type: "ClusterIP" });
    assert.deepEqual(changes({ live, wanted: service({ port: 2 }), planned }), ["- port: 1", "+ port: 2"]);
  });

  it("tells annotations, but the one in which kubectl keeps the last manifest", () => {
    const wanted = service({}, { annotations: { note: "new" } });
    const live = service({}, { annotations: { [LAST_APPLIED]: "{}", note: "old" } });
    assert.deepEqual(changes({ live, wanted, planned: wanted }), ["- note: old", "+ note: new"]);
  });

  describe("of an object that `kubectl apply` made", () => {
    const applied = (last: object, live: object, wanted: object) => {
      const annotations = { [LAST_APPLIED]: JSON.stringify(service(last)) };
      // A server-side apply takes nothing away that another manager owns.
      const planned = service({ ...live, ...wanted }, { annotations });
      return changes({ live: service(live, { annotations }), wanted: service(wanted), planned });
    };

    it("tells fields that the last manifest had and the new one hasn't", () => {
      const last = { port: 1, affinity: "ClientIP" };
      assert.deepEqual(applied(last, { ...last, type: "ClusterIP" }, { port: 1 }), ["- affinity: ClientIP"]);
    });

    it("leaves fields alone that somebody else set", () => {
      assert.deepEqual(applied({ port: 1 }, { port: 1, replicas: 7 }, { port: 1 }), []);
    });

    it("leaves annotations alone that the cluster set where the manifests had none", () => {
      const annotations = { [LAST_APPLIED]: JSON.stringify(service({}, { annotations: {} })), revision: "1" };
      const live = service({}, { annotations });
      assert.deepEqual(changes({ live, wanted: service({}), planned: live }), []);
    });

    it("tells items of a list by their names", () => {
      const item = (name: string) => ({ name, value: "1" });
      const env = [item("A"), item("B"), item("injected")];
      const annotations = { [LAST_APPLIED]: JSON.stringify(service({ env: [item("A"), item("B")] })) };
      const live = service({ env }, { annotations });
      const lines = changes({ live, wanted: service({ env: [item("A")] }), planned: live });
      assert.deepEqual(lines, ["- - name: B", '- value: "1"']);
    });
  });

  it("goes by the dry run alone where somebody wrote over kubectl's annotation", () => {
    const live = service({ port: 1, old: 1 }, { annotations: { [LAST_APPLIED]: "nonsense" } });
    assert.deepEqual(changes({ live, wanted: service({ port: 1 }), planned: live }), []);
  });
});
