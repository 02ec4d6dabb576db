import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PackageReport } from "../../src/cli/package-report.js";
import { ROOT } from "../support/contract-fixture.js";
import { firstJson, type ServedFleet } from "../support/fleet-process.js";
import { BASE, ImageEngine } from "../support/image-engine.js";

const TUMOR = "acme.tumor.v1";
const DIGITS = "acme.digits.v1";
const PICTURE_REQUEST = path.join(ROOT, "models/digits/samples/request.json");

function flotilla(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const command = [path.join(ROOT, "dist/src/bin/flotilla.js"), "package", ...args];
  const env = { ...process.env, ...environment };
  return spawnSync(process.execPath, command, { encoding: "utf8", env, cwd: ROOT });
}

/** Digests of a folder's files by their paths. */
function digests(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const entries = files.map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    return [path.relative(folder, file), createHash("sha256").update(readFileSync(file)).digest("hex")] as const;
  });
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

describe("flotilla package", function () {
  this.timeout(300_000);
  let folder: string;
  const contexts = (name: string) => path.join(folder, name);
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-package-test-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  describe("with --context", () => {
    const written = () => path.join(contexts("one"), "runtime");
    before(() => {
      const { status, stderr } = flotilla(["--context", contexts("one"), `${TUMOR}/r2`, `${DIGITS}/r1`]);
      assert.equal(status, 0, stderr);
    });

    it("writes the same bytes each time", () => {
      assert.equal(flotilla(["--context", contexts("two"), `${TUMOR}/r2`, `${DIGITS}/r1`]).status, 0);
      assert.deepEqual(digests(contexts("one")), digests(contexts("two")));
    });

    it("puts one platform's ONNX Runtime into the runtime, and nothing that only developers need", () => {
      const files = Object.keys(digests(written()));
      const native = files.filter((file) => /\.(node|so[.\d]*|dylib|dll)$/.test(file));
      assert(native.length > 0);
      const arch = process.arch;
      assert.deepEqual(
        native.filter((file) => !file.includes(`linux/${arch}/`)),
        [],
      );
      const packages = readdirSync(path.join(written(), "flotilla/node_modules"));
      assert(packages.includes("@grpc") && packages.includes("onnxruntime-common"));
      for (const name of ["typescript", "mocha", "cdk8s", "@kubernetes", "esbuild", "@bufbuild/buf"]) {
        assert(!existsSync(path.join(written(), "flotilla/node_modules", name)), name);
      }
    });

    it("puts in all that a revision needs to be served, transform and packages included, and nothing else is asked for", async () => {
      const app = contexts("app");
      mkdirSync(path.join(app, "fleet"), { recursive: true });
      for (const layer of ["native", "flotilla"]) cpSync(path.join(written(), layer), app, { recursive: true });
      for (const layer of ["packages", "contract", "revision"]) {
        cpSync(path.join(contexts("one"), DIGITS, "r1", layer), path.join(app, "fleet"), { recursive: true });
      }
      const ports = ["--port", "0", "--metrics-port", "0", "--output", "json"];
      const entry = path.join(app, "dist/src/bin/container.js");
      const child = spawn(process.execPath, [entry, "serve", ...ports], { cwd: path.join(app, "fleet") });
      try {
        const served = await firstJson<ServedFleet>(child);
        assert.equal(served?.models[0]?.state, "READY", JSON.stringify(served));
        const args = [entry, "call", DIGITS, `@${PICTURE_REQUEST}`, "--target", served.address, "--output", "json"];
        const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
        assert.match(stdout, /"digit": ?7/, stderr);
      } finally {
        child.kill("SIGKILL");
      }
    });

    it("puts golden cases in where a stub answers by them, and it does", async () => {
      const root = contexts("stubbed-fleet");
      for (const part of ["proto", "models/tumor"])
        cpSync(path.join(ROOT, part), path.join(root, part), { recursive: true });
      const model = "models/tumor/r1.onnx";
      const sha256 = createHash("sha256")
        .update(readFileSync(path.join(root, model)))
        .digest("hex");
      const contract = { name: TUMOR, callers: [], stub: { golden: true }, revisions: { r1: { model, sha256 } } };
      const fleet = { apiVersion: "flotilla.dev/v1", kind: "Fleet", metadata: { name: "stubbed" } };
      const file = path.join(root, "fleet.yaml");
      writeFileSync(file, JSON.stringify({ ...fleet, spec: { contracts: [contract] } }));
      const { status, stderr } = flotilla(["--fleet", file, "--context", contexts("stubbed"), `${TUMOR}/r1`]);
      assert.equal(status, 0, stderr);
      const app = contexts("stubbed-app");
      mkdirSync(path.join(app, "fleet"), { recursive: true });
      for (const layer of ["native", "flotilla"])
        cpSync(path.join(contexts("stubbed"), "runtime", layer), app, { recursive: true });
      for (const layer of ["packages", "contract", "revision"])
        cpSync(path.join(contexts("stubbed"), TUMOR, "r1", layer), path.join(app, "fleet"), { recursive: true });
      const entry = path.join(app, "dist/src/bin/container.js");
      const args = ["stub", TUMOR, "--revision", "r1", "--otherwise", "refuse", "--port", "0"];
      const child = spawn(process.execPath, [entry, ...args], { cwd: path.join(app, "fleet") });
      try {
        const [line] = (await once(child.stdout, "data")) as [Buffer];
        const target = line.toString().trim();
        const request = path.join(root, "models/tumor/samples/request.json");
        const call = [entry, "call", TUMOR, `@${request}`, "--target", target, "--output", "json"];
        const called = spawnSync(process.execPath, call, { encoding: "utf8" });
        // What r1 says to it, and no other revision.
        assert.match(called.stdout, /"malignantProbability": ?0.78625953\b/, called.stderr);
      } finally {
        child.kill("SIGKILL");
      }
    });

    it("puts a composition in as one file, with the descriptors of those whom it calls, and it is served so", async () => {
      assert.equal(flotilla(["--context", contexts("composed"), "acme.ocr.v1/r2"]).status, 0);
      const app = contexts("composed-app");
      mkdirSync(path.join(app, "fleet"), { recursive: true });
      for (const layer of ["native", "flotilla"])
        cpSync(path.join(contexts("composed"), "runtime", layer), app, { recursive: true });
      for (const layer of ["packages", "contract", "revision"]) {
        cpSync(path.join(contexts("composed"), "acme.ocr.v1/r2", layer), path.join(app, "fleet"), { recursive: true });
      }
      const callee = { address: "127.0.0.1:1", deadline: "5s", hopOverhead: "10ms" };
      const calls = { "acme.ocr_detector.v1": callee, "acme.ocr_recognizer.v1": callee };
      const args = ["serve", "--only", "acme.ocr.v1/r2", "--port", "0", "--metrics-port", "0", "--output", "json"];
      const child = spawn(process.execPath, [path.join(app, "dist/src/bin/container.js"), ...args], {
        cwd: path.join(app, "fleet"),
        env: { ...process.env, FLOTILLA_CALLS: JSON.stringify(calls) },
      });
      try {
        const served = await firstJson<ServedFleet>(child);
        assert.equal(served?.models[0]?.state, "READY", JSON.stringify(served));
      } finally {
        child.kill("SIGKILL");
      }
    });

    it("leaves the model out where pods get it from elsewhere", () => {
      const args = ["--fleet", "fleet.options.yaml", "--context", contexts("options"), "acme.voice.v1"];
      assert.equal(flotilla(args).status, 0);
      const files = Object.keys(digests(path.join(contexts("options"), "acme.voice.v1/r1/revision")));
      assert.deepEqual(files, ["fleet.yaml", "sbom.cdx.json"]);
    });

    it("writes the other platform's ONNX Runtime where that is asked for", () => {
      const [platform, arch] = process.arch === "x64" ? ["linux/arm64", "arm64"] : ["linux/amd64", "x64"];
      const args = ["--platform", platform!, "--context", contexts("other"), `${TUMOR}/r1`];
      const { status, stdout, stderr } = flotilla(args);
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`build --platform ${platform} `));
      const native = Object.keys(digests(path.join(contexts("other"), "runtime/native")));
      assert(native.length > 0 && native.every((file) => file.includes(`linux/${arch}/`)), native.join());
    });
  });

  it("prints the commands with --dry-run, the runtime's first, and does nothing", () => {
    const { status, stdout } = flotilla(["--dry-run", "--engine", "podman", "--base", "some/node:1", `${TUMOR}/r1`]);
    assert.equal(status, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^podman build .*--tag localhost\/acme\/flotilla:\S+ .*--build-arg BASE=some\/node:1 /);
    assert.match(lines[1]!, /--tag localhost\/acme\/acme-tumor-v1:r1-f3c4b4210a60-\S+ .*--build-arg REVISION=r1 /);
    assert(!existsSync(path.join(ROOT, "context")));
  });

  it("refuses to push where the fleet file names no registry, and says what to write", () => {
    const { status, stderr } = flotilla(["--push", "--dry-run"]);
    assert.equal(status, 1);
    assert.match(stderr, /--push: localhost\/acme is in no registry; write spec\.images\.repository/);
  });

  for (const [args, message] of [
    [["--platform", "linux/riscv64"], /expected linux\/amd64 or linux\/arm64, got "linux\/riscv64"/],
    [["--engine", "kaniko"], /Allowed choices are docker, podman, buildah/],
    [["--no-such"], /unknown option/],
  ] as const) {
    it(`calls ${args.join(" ")} a wrong usage`, () => {
      const { status, stderr } = flotilla(args);
      assert.equal(status, 2);
      assert.match(stderr, message);
    });
  }

  describe("with an engine", () => {
    let engine: ImageEngine | undefined;
    let report: PackageReport;
    const build = (...args: string[]) => {
      const options = ["--engine", "buildah", "--base", BASE, "--output", "json", ...args];
      const { status, stdout, stderr } = flotilla(options, engine!.environment);
      assert.equal(status, 0, stderr);
      return JSON.parse(stdout) as PackageReport;
    };
    const imageOf = (revision: string | undefined) => report.images.find((image) => image.revision === revision)!.image;
    const inspect = (image: string) => JSON.parse(engine!.run("inspect", "--type", "image", image));
    const layersOf = (image: string): string[] => inspect(image).OCIv1.rootfs.diff_ids;

    before(function () {
      if (!ImageEngine.isThere()) return this.skip();
      engine = ImageEngine.create();
      report = build(TUMOR);
    });
    after(() => engine?.remove());

    it("makes images that say what they hold and run as nobody", () => {
      const { config } = inspect(imageOf("r2")).OCIv1;
      assert.equal(config.User, "65532:65532");
      assert.equal(config.Labels["flotilla.dev/contract"], TUMOR);
      assert.equal(config.Labels["flotilla.dev/revision"], "r2");
      assert.match(config.Labels["flotilla.dev/model-digest"], /^sha256:69e2e5773afc/);
    });

    it("adds one layer of the model's size to what all revisions of a contract share", () => {
      const [runtime, r1, r2] = [undefined, "r1", "r2"].map((revision) => layersOf(imageOf(revision)));
      assert.deepEqual(r1!.slice(0, runtime!.length), runtime);
      assert.deepEqual(r1!.slice(0, -1), r2!.slice(0, -1));
      assert.notEqual(r1!.at(-1), r2!.at(-1));
      const { layerBytes } = report.images.find(({ revision }) => revision === "r2")!;
      assert(layerBytes.revision! < 10_000, `${layerBytes.revision} bytes`);
    });

    it("makes the same layers again from the same fleet", () => {
      const before = layersOf(imageOf("r1"));
      build("--engine-arg=--no-cache", `${TUMOR}/r1`);
      assert.deepEqual(layersOf(imageOf("r1")), before);
    });

    it("makes images that serve as they are", async () => {
      const container = engine!.run("from", imageOf("r2"));
      const serve = ["/app/dist/src/bin/container.js", "serve", "--port", "0", "--metrics-port", "0"];
      const args = ["run", "--user", "65532:65532", container, "node", ...serve, "--output", "json"];
      const env = { ...process.env, ...engine!.environment };
      // In a group of its own, as Buildah does not take what it runs with it.
      const child = spawn("buildah", args, { env, detached: true });
      try {
        const served = await firstJson<ServedFleet>(child);
        assert.equal(served?.models[0]?.state, "READY", JSON.stringify(served));
      } finally {
        process.kill(-child.pid!, "SIGKILL");
        engine!.run("rm", container);
      }
    });
  });
});
