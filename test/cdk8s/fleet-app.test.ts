import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { type ManifestFile, synthesize } from "../../cdk8s/fleet-app.js";
import { LABEL } from "../../src/fleet/names.js";
import { FLEET_KINDS } from "../../src/kubectl/fleet-kinds.js";
import { fleetOf, membersOf, model } from "../support/members.js";

const FRAUD = `name: acme.fraud.v1
callers: [shop/checkout]
revisions:
  r1: ${model("r1")}
  r2: ${model("r2")}
traffic: { r1: 90, r2: 10 }`;
const DIGITS = `name: acme.digits.v1
callers: [mailroom/sorter]
revisions:
  r1: ${model("r1")}`;

function filesOf(...contracts: string[]): Map<string, ManifestFile> {
  const fleet = fleetOf(contracts, "telemetry: { prometheus: { scraper: monitoring/prometheus } }");
  return new Map(synthesize(fleet, membersOf(fleet)).map((file) => [file.path, file]));
}

/** Paths of files whose bytes differ. */
function differing(before: ReadonlyMap<string, ManifestFile>, after: ReadonlyMap<string, ManifestFile>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path)?.text !== after.get(path)?.text);
}

function resourcesOf({ text }: ManifestFile): string[] {
  return (parseAllDocuments(text)[0]!.toJS() as { resources: string[] }).resources;
}

describe("synthesize()", () => {
  it("gives a file to the contract and to each of its revisions", () => {
    const names = [...filesOf(FRAUD).keys()].filter((path) => path.startsWith("acme.fraud.v1/")).sort();
    assert.deepEqual(names, [
      "acme.fraud.v1/contract.yaml",
      "acme.fraud.v1/kustomization.yaml",
      "acme.fraud.v1/r1.yaml",
      "acme.fraud.v1/r2.yaml",
    ]);
  });

  it("gives the same bytes for the same fleet, whatever the environment says", () => {
    const once = filesOf(FRAUD, DIGITS);
    process.env.CDK8S_DISABLE_SORT = "1";
    try {
      assert.deepEqual(differing(once, filesOf(FRAUD, DIGITS)), []);
    } finally {
      delete process.env.CDK8S_DISABLE_SORT;
    }
  });

  it("changes a revision's file alone where the revision alone changes", () => {
    const changed = FRAUD.replace(model("r2"), model("r2", "workers: 3, resources: { memory: 2Gi }"));
    assert.notEqual(changed, FRAUD);
    assert.deepEqual(differing(filesOf(FRAUD, DIGITS), filesOf(changed, DIGITS)), ["acme.fraud.v1/r2.yaml"]);
  });

  it("changes nothing of one contract where another's traffic changes", () => {
    const changed = FRAUD.replace("r1: 90, r2: 10", "r1: 50, r2: 50");
    assert.deepEqual(differing(filesOf(FRAUD, DIGITS), filesOf(changed, DIGITS)), ["acme.fraud.v1/contract.yaml"]);
  });

  it("lists every file in the kustomization of its folder once, and every folder in that of all, the namespace first", () => {
    const files = filesOf(FRAUD, DIGITS);
    const folders = resourcesOf(files.get("kustomization.yaml")!);
    assert.deepEqual(folders, ["fleet", "acme.fraud.v1", "acme.digits.v1"]);
    const listed = folders.flatMap((folder) => {
      return resourcesOf(files.get(`${folder}/kustomization.yaml`)!).map((name) => `${folder}/${name}`);
    });
    const made = [...files.keys()].filter((path) => !path.endsWith("kustomization.yaml"));
    assert.deepEqual(listed.toSorted(), made.toSorted());
    assert.equal(files.get(listed[0]!)!.objects[0]!.kind, "Namespace");
  });

  it("states in its text what it says it holds", () => {
    for (const { text, objects } of filesOf(FRAUD, DIGITS).values()) {
      if (objects.length === 0) continue;
      const read = parseAllDocuments(text, { version: "1.1" }).map((document) => document.toJS() as unknown);
      assert.deepEqual(read, JSON.parse(JSON.stringify(objects)));
    }
  });

  it("labels every object as this fleet's, in its namespace, of a kind that `flotilla diff` looks for", () => {
    const known = new Set(FLEET_KINDS.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`));
    const objects = [...filesOf(FRAUD, DIGITS).values()].flatMap((file) => file.objects);
    assert(objects.length > 20, `${objects.length} objects`);
    for (const { apiVersion, kind, metadata } of objects) {
      const { labels = {} } = metadata as { labels?: Record<string, string> };
      assert.equal(labels[LABEL.partOf], "payments", `${kind} ${metadata.name}`);
      assert.equal(labels[LABEL.managedBy], "flotilla", `${kind} ${metadata.name}`);
      if (kind === "Namespace") continue;
      assert.equal(metadata.namespace, "models", `${kind} ${metadata.name}`);
      assert(known.has(`${apiVersion} ${kind}`), `${apiVersion} ${kind}`);
    }
  });

  it("tells in each file what made it and what to edit instead", () => {
    for (const { text } of filesOf(FRAUD).values()) {
      assert.match(text, /^# Made by `flotilla manifests` of the fleet payments\. Edit its fleet\.yaml instead\.\n/);
    }
  });

  it("keeps revisions apart whose names are those of other files, or differ by case alone", () => {
    const names = ["contract", "kustomization", "Kustomization", "r1", "R1"];
    const revisions = names.map((name) => `  ${name}: ${model("r1")}`).join("\n");
    const files = filesOf(`name: acme.odd.v1\ncallers: [a/b]\nrevisions:\n${revisions}\ntraffic: { r1: 100 }`);
    const paths = [...files.keys()].filter((path) => path.startsWith("acme.odd.v1/"));
    assert.equal(new Set(paths.map((path) => path.toLowerCase())).size, names.length + 2, paths.join());
    for (const path of paths) assert.match(path, /^acme\.odd\.v1\/[a-z0-9_-]+\.yaml$/);
  });
});
