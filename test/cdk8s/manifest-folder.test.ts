import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ManifestFile, manifestHeader, objectFile } from "../../cdk8s/manifest-file.js";
import { applyPlan, planFolder } from "../../cdk8s/manifest-folder.js";

function file(name: string, port: number): ManifestFile {
  const object = { apiVersion: "v1", kind: "Service", metadata: { name: "a" }, spec: { port } };
  return objectFile("payments", name, [object]);
}

describe("a folder of manifests", () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  /** Brings the folder up to date; returns what that took. */
  const bring = (...files: ManifestFile[]) => {
    const plan = planFolder(folder, "payments", files);
    applyPlan(plan);
    const paths = (some: readonly ManifestFile[]) => some.map((one) => one.path);
    return { missing: paths(plan.missing), stale: paths(plan.stale), unchanged: plan.unchanged, extra: plan.extra };
  };

  beforeEach(() => {
    folder = path.join(mkdtempSync(path.join(tmpdir(), "flotilla-manifests-")), "out");
  });
  afterEach(() => rmSync(path.dirname(folder), { recursive: true, force: true }));

  it("gets the files that are missing and those that differ, and no others", () => {
    assert.deepEqual(bring(file("a/x.yaml", 1), file("a/y.yaml", 1)).missing, ["a/x.yaml", "a/y.yaml"]);
    const { mtimeMs } = statSync(at("a/x.yaml"));
    const next = bring(file("a/x.yaml", 1), file("a/y.yaml", 2));
    assert.deepEqual(next, { missing: [], stale: ["a/y.yaml"], unchanged: 1, extra: [] });
    assert.equal(statSync(at("a/x.yaml")).mtimeMs, mtimeMs);
    assert.match(readFileSync(at("a/y.yaml"), "utf8"), /port: 2/);
  });

  it("loses files that are made no longer, with the folders that they leave empty", () => {
    bring(file("a/x.yaml", 1), file("b/x.yaml", 1));
    assert.deepEqual(bring(file("a/x.yaml", 1)).extra, ["b/x.yaml"]);
    assert(!existsSync(at("b")));
  });

  it("keeps what Flotilla did not make, beside files and in the place of none", () => {
    bring(file("a/x.yaml", 1), file("b/x.yaml", 1));
    const others = ["b/own.yaml", "b/README.md", "own.yaml", "c/d/e.yaml"];
    for (const name of others) write(name, "mine: true\n");
    bring(file("a/x.yaml", 1));
    for (const name of others) assert.equal(readFileSync(at(name), "utf8"), "mine: true\n");
    assert(!existsSync(at("b/x.yaml")));
  });

  it("is not written where a file in the place of a manifest is somebody else's", () => {
    write("a/x.yaml", "mine: true\n");
    assert.throws(() => planFolder(folder, "payments", [file("a/x.yaml", 1)]), /a\/x\.yaml: was not made by/);
  });

  it("is not written through a link, and no link is followed on the way to what shall be removed", () => {
    write("../elsewhere/x.yaml", manifestHeader("payments"));
    mkdirSync(folder, { recursive: true });
    symlinkSync(path.join(path.dirname(folder), "elsewhere"), at("b"));
    assert.deepEqual(planFolder(folder, "payments", []).extra, []);
    mkdirSync(at("a"));
    symlinkSync(path.join(path.dirname(folder), "elsewhere/x.yaml"), at("a/x.yaml"));
    assert.throws(() => planFolder(folder, "payments", [file("a/x.yaml", 1)]), /a\/x\.yaml: was not made by/);
  });

  it("is not written where it holds another fleet's manifests", () => {
    bring(file("a/x.yaml", 1));
    assert.throws(() => planFolder(folder, "shop", []), /is of the fleet payments, and the fleet file is shop's/);
  });
});
