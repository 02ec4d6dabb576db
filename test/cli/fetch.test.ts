import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { KEYS, needsS3Store, S3Store } from "../packaging/s3-store.js";
import { ROOT } from "../support/contract-fixture.js";
import { scaleModel } from "../support/onnx-builder.js";

const PROGRAM = path.join(ROOT, "dist/src/bin/flotilla.js");
const MODEL = scaleModel({ factor: 2 });
const DIGEST = createHash("sha256").update(MODEL).digest("hex");
const SIGNED = { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey };

describe("flotilla fetch", function () {
  this.timeout(20_000);
  let folder: string;
  let target: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "flotilla-fetch-"));
    target = path.join(folder, "model.onnx");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const argsOf = (endpoint: string) => {
    return ["fetch", "s3://models/r1.onnx", "--endpoint", endpoint, "--sha256", DIGEST, "--to", target];
  };
  const run = (args: readonly string[], environment: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> => {
    const { AWS_ACCESS_KEY_ID: _key, AWS_SECRET_ACCESS_KEY: _secret, ...env } = process.env;
    const options = { encoding: "utf8", timeout: 15_000, env: { ...env, ...environment } } as const;
    return spawnSync(process.execPath, [PROGRAM, ...args], options);
  };

  describe("from a store", () => {
    let store: S3Store;

    before(needsS3Store);
    before(async () => {
      store = await S3Store.start();
      await store.put("r1.onnx", MODEL);
    });
    after(async () => {
      await store?.stop();
    });

    it("writes the model, says so, and exits with 0", () => {
      const { status, stdout, stderr } = run(argsOf(store.endpoint), SIGNED);
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^s3:\/\/models\/r1\.onnx -> .*model\.onnx: \d+ B in [\d.]+ s\n$/);
      assert.deepEqual(new Uint8Array(readFileSync(target)), MODEL);
    });

    it("does nothing where the model is there, as after a restart of the pod", () => {
      run(argsOf(store.endpoint), SIGNED);
      const { status, stdout } = run(argsOf("http://127.0.0.1:9"));
      assert.equal(status, 0);
      assert.match(stdout, /was there already/);
    });

    it("exits with 1 and says what to check where the store refuses, without a stack trace or a secret", () => {
      const { status, stderr } = run(argsOf(store.endpoint), { ...SIGNED, AWS_SECRET_ACCESS_KEY: "mistyped" });
      assert.equal(status, 1);
      assert.match(
        stderr,
        /^error: s3:\/\/models\/r1\.onnx at http.*403 SignatureDoesNotMatch; check AWS_ACCESS_KEY_ID/,
      );
      assert.doesNotMatch(stderr, /mistyped|\n {4}at /);
    });
  });

  it("exits with 1 where one of the two keys is missing", () => {
    const { status, stderr } = run(argsOf("http://127.0.0.1:9"), { AWS_ACCESS_KEY_ID: "key" });
    assert.equal(status, 1);
    assert.match(stderr, /AWS_SECRET_ACCESS_KEY is not set/);
  });

  it("exits with 2 on what is no object, address or digest", () => {
    const [, , ...rest] = argsOf("http://127.0.0.1:9");
    for (const args of [
      ["fetch", "https://models/r1.onnx", ...rest],
      ["fetch", "s3://models/", ...rest],
      argsOf("s3.example.com"),
      [...argsOf("http://127.0.0.1:9"), "--sha256", "abc"],
    ]) {
      const { status, stderr } = run(args);
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, /expected (a bucket and a key|an address|64 hexadecimal digits)/);
    }
  });

  it("ends on SIGTERM and takes the unfinished file away", async () => {
    const silent = createServer((_request, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("a");
    });
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const child = spawn(process.execPath, [PROGRAM, ...argsOf(`http://127.0.0.1:${port}`)], { stdio: "ignore" });
    const exit = once(child, "exit");
    await once(silent, "request");
    child.kill("SIGTERM");
    assert.deepEqual(await exit, [1, null]);
    assert.deepEqual(readdirSync(folder), []);
    silent.closeAllConnections();
    silent.close();
  });
});
