import assert from "node:assert/strict";
import { manifestText } from "../../src/fleet/manifest-text.js";

describe("manifestText()", () => {
  it("says first what a thing is and is called, then the rest by the alphabet, at every depth", () => {
    const spec = { ports: [{ port: 1, appProtocol: "grpc", name: "grpc" }], clusterIP: "None" };
    const object = { spec, metadata: { labels: {}, namespace: "b", name: "a" }, kind: "Service", apiVersion: "v1" };
    assert.equal(
      manifestText(object),
      `apiVersion: v1
kind: Service
metadata:
  name: a
  namespace: b
  labels: {}
spec:
  clusterIP: None
  ports:
    - name: grpc
      appProtocol: grpc
      port: 1
`,
    );
  });
});
