import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { ROOT } from "../support/contract-fixture.js";
import { removeFleet, writeFleet } from "../support/fleet-process.js";
import { SCALE_UNARY } from "../wire/contracts.js";

/** Manifests are made of models that nobody opens. */
const MODEL = new TextEncoder().encode("no model");

describe("flotilla manifests", function () {
  this.timeout(60_000);
  let root: string;
  const at = (name: string) => path.join(root, "generated/manifests", name);
  const edit = (from: string | RegExp, to: string) => {
    const file = path.join(root, "fleet.yaml");
    const text = readFileSync(file, "utf8");
    assert.notEqual(text.replace(from, to), text, "the edit changes something");
    writeFileSync(file, text.replace(from, to));
  };
  const flotilla = (...args: string[]) => {
    const command = [path.join(ROOT, "dist/src/bin/flotilla.js"), "manifests", ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8", cwd: root });
    return { status, stdout, stderr };
  };
  const json = (...args: string[]) => JSON.parse(flotilla("--output", "json", ...args).stdout);

  beforeEach(() => {
    root = writeFleet({ "test.scale.v1": { body: SCALE_UNARY, revisions: { r1: MODEL, r2: MODEL } } });
  });
  afterEach(() => removeFleet(root));

  it("writes beside the fleet file what is not there yet, and says so", () => {
    const { status, stdout, stderr } = flotilla();
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    assert.match(stdout, /^written {4}test\.scale\.v1\/r2\.yaml$/m);
    assert.match(stdout, /^generated\/manifests: \d+ written, 0 unchanged, 0 removed\n$/m);
    assert(existsSync(at("kustomization.yaml")) && existsSync(at("test.scale.v1/r1.yaml")));
  });

  it("writes nothing where nothing changed, and only what did", () => {
    flotilla();
    assert.deepEqual(json().written, []);
    edit(/(r2:\n.*\n.*)/, "$1\n          workers: 2");
    const report = json();
    assert.deepEqual([report.written, report.removed], [["test.scale.v1/r2.yaml"], []]);
  });

  it("removes the file of a revision that the fleet has no more", () => {
    flotilla();
    edit(/ +r2:\n.*\n.*\n/, "");
    assert.deepEqual(json().removed, ["test.scale.v1/r2.yaml"]);
    assert(!existsSync(at("test.scale.v1/r2.yaml")));
  });

  it("fails with --check where a file is missing, stale or left over, and writes nothing", () => {
    const missing = flotilla("--check");
    assert.equal(missing.status, 1);
    assert.match(
      missing.stdout,
      /^generated\/manifests\/kustomization\.yaml: is missing; run `flotilla manifests fleet\.yaml`$/m,
    );
    assert(!existsSync(at("kustomization.yaml")));
    flotilla();
    assert.deepEqual(flotilla("--check"), { status: 0, stdout: "generated/manifests: up to date\n", stderr: "" });
    writeFileSync(at("test.scale.v1/r1.yaml"), `${readFileSync(at("test.scale.v1/r1.yaml"), "utf8")}# more\n`);
    edit(/ +r2:\n.*\n.*\n/, "");
    const { status, stdout } = flotilla("--check");
    assert.equal(status, 1);
    assert.match(stdout, /^generated\/manifests\/test\.scale\.v1\/r1\.yaml: is not what the fleet file says;/m);
    assert.match(
      stdout,
      /^generated\/manifests\/test\.scale\.v1\/r2\.yaml: is of something that the fleet no longer has;/m,
    );
    assert(existsSync(at("test.scale.v1/r2.yaml")));
  });

  it("prints all objects as one stream with -o -, and writes nothing", () => {
    const { status, stdout } = flotilla("-o", "-");
    assert.equal(status, 0);
    const objects = parseAllDocuments(stdout).map((document) => document.toJS() as { kind: string });
    assert.equal(objects[0]!.kind, "Namespace");
    assert.equal(objects.filter(({ kind }) => kind === "Deployment").length, 2);
    assert(objects.every(({ kind }) => kind !== "Kustomization"));
    assert(!existsSync(at("kustomization.yaml")));
  });

  it("finds a method that the contract's service does not have, as `flotilla check` does", () => {
    edit("callers:", "methods: { Predct: { deadline: 1s } }\n      callers:");
    const { status, stdout, stderr } = flotilla();
    assert.deepEqual({ status, stderr }, { status: 1, stderr: "" });
    const finding =
      /^fleet\.yaml:\d+:\d+: spec\.contracts\[0\]\.methods\.Predct: test\.scale\.v1\.ScaleService has no such method; did you mean Predict\?$/m;
    assert.match(stdout, finding);
    const check = [path.join(ROOT, "dist/src/bin/flotilla.js"), "check", "--no-models"];
    assert.match(spawnSync(process.execPath, check, { encoding: "utf8", cwd: root }).stdout, finding);
    assert(!existsSync(at("kustomization.yaml")));
  });

  it("prints findings of a bad fleet file or contract, never a stack, and touches nothing", () => {
    flotilla();
    const before = readFileSync(at("kustomization.yaml"), "utf8");
    edit("r1: 100", "r1: 90");
    const bad = flotilla();
    assert.deepEqual({ status: bad.status, stderr: bad.stderr }, { status: 1, stderr: "" });
    assert.match(bad.stdout, /^fleet\.yaml:\d+:\d+: spec\.contracts\[0\]\.traffic: adds up to 90, expected 100;/);
    edit("r1: 90", "r1: 100");
    writeFileSync(path.join(root, "proto/test/scale/v1/contract.proto"), "nonsense");
    const broken = flotilla();
    assert.equal(broken.status, 1);
    assert.match(broken.stdout, /^proto\/test\/scale\/v1\/contract\.proto:1:1: /);
    assert.doesNotMatch(broken.stdout + broken.stderr, /at .*\.js:/);
    assert.equal(readFileSync(at("kustomization.yaml"), "utf8"), before);
  });

  it("keeps findings out of a stream", () => {
    edit("r1: 100", "r1: 90");
    const { status, stdout, stderr } = flotilla("-o", "-");
    assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
    assert.match(stderr, /adds up to 90/);
  });

  it("refuses what makes no sense: checking a stream", () => {
    const { status, stderr } = flotilla("-o", "-", "--check");
    assert.equal(status, 2);
    assert.match(stderr, /--check compares with a folder/);
  });
});
