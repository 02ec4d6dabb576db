import assert from "node:assert/strict";
import { memberOf, model } from "../support/members.js";
import { workloadsOf } from "./synthesized.js";

function podWith(source: string) {
  const workloads = workloadsOf(
    memberOf(`
name: acme.fraud.v1
revisions: { r1: ${model("r1", `source: ${source}`)} }`),
  );
  return workloads.pod();
}

/** Where the server looks for its model, and what is mounted there. */
function modelOf(pod: ReturnType<typeof podWith>) {
  const [server] = pod.containers;
  const file = server!.env!.find(({ name }) => name === "FLOTILLA_MODEL")!.value!;
  const mount = server!.volumeMounts!.find(({ mountPath }) => file.startsWith(`${mountPath}/`))!;
  const volume = pod.volumes!.find(({ name }) => name === mount.name)!;
  return { pathInVolume: file.slice(mount.mountPath.length + 1), mount, volume };
}

const S3 = "{ s3: s3://models/fraud/r1.onnx, endpoint: https://s3.example.com:9000, region: eu-1, secret: keys }";

describe("where a pod gets its model from", () => {
  it("is its image, unless the fleet file says otherwise", () => {
    const workloads = workloadsOf(memberOf(`name: acme.fraud.v1\nrevisions: { r1: ${model("r1")} }`));
    const [server] = workloads.pod().containers;
    assert.deepEqual(
      server!.env!.filter(({ name }) => name === "FLOTILLA_MODEL"),
      [],
    );
    assert.deepEqual(
      server!.volumeMounts!.map(({ name }) => name),
      ["tmp"],
    );
    assert.equal(workloads.pod().initContainers, undefined);
  });

  it("may be an image that is mounted", () => {
    const { pathInVolume, mount, volume } = modelOf(
      podWith("{ image: registry.example.com/models:1, path: a/b.onnx }"),
    );
    assert.equal(pathInVolume, "a/b.onnx");
    assert.deepEqual(volume.image, { reference: "registry.example.com/models:1", pullPolicy: "IfNotPresent" });
    assert.equal(mount.readOnly, true);
  });

  it("may be a claim, which nobody writes to", () => {
    const { pathInVolume, mount, volume } = modelOf(podWith("{ claim: models, path: a/b.onnx }"));
    assert.equal(pathInVolume, "a/b.onnx");
    assert.deepEqual(volume.persistentVolumeClaim, { claimName: "models", readOnly: true });
    assert.equal(mount.readOnly, true);
  });

  it("may be a store: the model is fetched, checked against its digest, and only then served", () => {
    const pod = podWith(S3);
    const { pathInVolume, mount, volume } = modelOf(pod);
    const [fetch] = pod.initContainers!;
    const [verb, url, ...options] = fetch!.args!;
    assert.deepEqual([verb, url], ["fetch", "s3://models/fraud/r1.onnx"]);
    const option = (name: string) => options[options.indexOf(name) + 1];
    assert.equal(option("--endpoint"), "https://s3.example.com:9000");
    assert.equal(option("--region"), "eu-1");
    assert.match(option("--sha256")!, /^[0-9a-f]{64}$/);
    const writes = fetch!.volumeMounts!.find(({ name }) => name === volume.name)!;
    assert.equal(option("--to"), `${writes.mountPath}/${pathInVolume}`);
    assert.notEqual(writes.readOnly, true);
    assert.equal(mount.readOnly, true, "the server only reads it");
  });

  it("shows the keys of a store to the container that fetches, and to no other", () => {
    const pod = podWith(S3);
    assert.deepEqual(
      pod.initContainers![0]!.env!.map(({ name, valueFrom }) => [name, valueFrom!.secretKeyRef]),
      ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map((key) => [key, { name: "keys", key }]),
    );
    assert.doesNotMatch(JSON.stringify(pod.containers), /keys|AWS/);
  });

  it("needs no keys where the store asks for none", () => {
    const pod = podWith("{ s3: s3://models/fraud/r1.onnx, endpoint: https://s3.example.com }");
    assert.deepEqual(pod.initContainers![0]!.env, undefined);
  });

  it("fetches with the image that serves, so that a node pulls one", () => {
    const pod = podWith(S3);
    assert.equal(pod.initContainers![0]!.image, pod.containers[0]!.image);
  });
});
