import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { status } from "@grpc/grpc-js";
import * as wire from "../../generated/ts/inference/grpc_service.js";
import { ROOT } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { freePort } from "../support/free-port.js";
import { scaleModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SCALE } from "../wire/contracts.js";

const FLOTILLA = path.join(ROOT, "dist/src/bin/flotilla.js");

function flotilla(...args: string[]) {
  return spawnSync(process.execPath, [FLOTILLA, ...args], { encoding: "utf8", timeout: 20_000 });
}

describe("flotilla serve", () => {
  let folder: string;
  let fleet: FleetProcess | undefined;

  beforeEach(() => {
    const revisions = { r1: scaleModel({ factor: 2 }), r2: scaleModel({ factor: 10 }) };
    folder = writeFleet({
      "test.one.v1": { body: SCALE, revisions, fields: { traffic: { r2: 100, r1: 0 } } },
      "test.two.v1": { body: SCALE, revisions },
    });
  });
  afterEach(async () => {
    await fleet?.end();
    fleet = undefined;
    removeFleet(folder);
  });

  it("serves a fleet's folder with every revision, and names a command for each", async () => {
    fleet = await FleetProcess.start(folder);
    assert.deepEqual(
      fleet.served.models.map(({ contract, revision, state }) => `${contract}/${revision} ${state}`),
      ["test.one.v1/r1 READY", "test.one.v1/r2 READY", "test.two.v1/r1 READY", "test.two.v1/r2 READY"],
    );
    assert.match(fleet.served.models[0]!.call, /^npx flotilla call test\.one\.v1 .* --target 127\.0\.0\.1:\d+$/);
  });

  it("answers on where its log and its output take nothing, as on a full disk", async () => {
    const full = openSync("/dev/full", "w");
    const port = await freePort();
    const args = ["serve", folder, "--port", String(port), "--metrics-port", "0"];
    const child = spawn(process.execPath, [FLOTILLA, ...args], { stdio: ["ignore", full, full] });
    closeSync(full);
    const client = new RawClient(`127.0.0.1:${port}`);
    const request = Buffer.concat([Buffer.from([0x0a, 12]), Buffer.from(new Float32Array([1, 2, 3]).buffer)]);
    let code: status | undefined;
    while (code !== status.OK && child.exitCode === null) {
      code = (await client.unary("/test.one.v1.ScaleService/Predict", request)).code;
    }
    client.close();
    assert.equal(code, status.OK);
    child.kill();
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });

  it("takes the first revision of the traffic table where the caller names none", async () => {
    fleet = await FleetProcess.start(folder);
    const client = new RawClient(fleet.served.address);
    const request = Buffer.concat([Buffer.from([0x0a, 12]), Buffer.from(new Float32Array([1, 2, 3]).buffer)]);
    for (const [contract, revision] of [
      ["test.one.v1", "r2"],
      ["test.two.v1", "r1"],
    ]) {
      const { trailers } = await client.unary(`/${contract}.ScaleService/Predict`, request);
      assert.deepEqual(trailers.get("flotilla-revision"), [revision]);
    }
    client.close();
  });

  it("serves one revision alone with --only, whatever the traffic table says", async () => {
    fleet = await FleetProcess.start(folder, "--only", "test.one.v1/r1");
    assert.deepEqual(
      fleet.served.models.map(({ contract, revision }) => `${contract}/${revision}`),
      ["test.one.v1/r1"],
    );
  });

  it("says which model is broken and why, serves the others, and does not rewrite their health", async () => {
    writeFileSync(path.join(folder, "models/test.one.v1/r2.onnx"), "damaged");
    writeFileSync(
      path.join(folder, "proto/test/two/v1/contract.proto"),
      'syntax = "proto3"; package test.two.v1; message Broken {',
    );
    fleet = await FleetProcess.start(folder);
    const byName = new Map(fleet.served.models.map((model) => [`${model.contract}/${model.revision}`, model]));
    assert.equal(byName.get("test.one.v1/r1")!.state, "READY");
    assert.match(byName.get("test.one.v1/r2")!.problem!, /r2\.onnx: its sha256 is/);
    assert.match(byName.get("test.two.v1/r1")!.problem!, /contract\.proto/);
    const client = new RawClient(fleet.served.address);
    const request = Buffer.concat([Buffer.from([0x0a, 12]), Buffer.from(new Float32Array([1, 2, 3]).buffer)]);
    assert.equal(
      (await client.unary("/test.one.v1.ScaleService/Predict", request, { metadata: { "flotilla-revision": "r1" } }))
        .code,
      status.OK,
    );
    const broken = await client.unary("/test.one.v1.ScaleService/Predict", request);
    assert.equal(broken.code, status.UNAVAILABLE);
    assert.match(broken.details, /test\.one\.v1\/r2 is not served: its model could not be loaded/);
    client.close();
  });

  it("serves a bare model repository with no other file, the highest version first", async () => {
    const bare = mkdtempSync(path.join(tmpdir(), "flotilla-bare-"));
    for (const [version, factor] of [
      ["1", 2],
      ["10", 10],
      ["9", 9],
    ] as const) {
      mkdirSync(path.join(bare, "scale", version), { recursive: true });
      writeFileSync(path.join(bare, "scale", version, "model.onnx"), scaleModel({ factor }));
    }
    mkdirSync(path.join(bare, "not-a-model"));
    try {
      fleet = await FleetProcess.start(bare);
      const client = new RawClient(fleet.served.address);
      const request = {
        modelName: "scale",
        inputs: [{ name: "x", datatype: "FP32", shape: [1, 3], contents: { fp32Contents: [1, 2, 3] } }],
      };
      const encoded = Buffer.from(wire.ModelInferRequest.encode(wire.ModelInferRequest.fromPartial(request)).finish());
      const { message } = await client.unary("/inference.GRPCInferenceService/ModelInfer", encoded);
      const answer = wire.ModelInferResponse.decode(message!);
      assert.equal(answer.modelVersion, "10");
      assert.deepEqual(answer.outputs[0]!.contents!.fp32Contents, [10, 20, 30]);
      client.close();
    } finally {
      rmSync(bare, { recursive: true });
    }
  });

  it("keeps to --memory-budget: unloads models, loads them again for calls and open streams, and says so", async () => {
    fleet = await FleetProcess.start(folder, "--memory-budget", "1MiB");
    const client = new RawClient(fleet.served.address);
    const request = Buffer.concat([Buffer.from([0x0a, 12]), Buffer.from(new Float32Array([1, 2, 3]).buffer)]);
    const scaled = (factor: number) =>
      Buffer.concat([request.subarray(0, 2), Buffer.from(new Float32Array([factor, 2 * factor, 3 * factor]).buffer)]);
    const stream = client.stream("/test.two.v1.ScaleService/PredictStream");
    const answers = stream[Symbol.asyncIterator]();
    for (let round = 0; round < 3; round++) {
      stream.write(request);
      assert.deepEqual((await answers.next()).value, scaled(2), "a stream outlives the unloading of its model");
      const { message } = await client.unary("/test.one.v1.ScaleService/Predict", request);
      assert.deepEqual(message, scaled(10));
    }
    const service = Buffer.from("test.two.v1.ScaleService");
    const check = Buffer.concat([Buffer.from([0x0a, service.length]), service]);
    const health = await client.unary("/grpc.health.v1.Health/Check", check);
    assert.deepEqual(health.message, Buffer.from([0x08, 1]), "what the next call loads is SERVING");
    const index = await client.unary("/inference.GRPCInferenceService/RepositoryIndex", Buffer.alloc(0));
    const listed = wire.RepositoryIndexResponse.decode(index.message!).models;
    assert.deepEqual(
      listed.map(({ name, version, state, reason }) => `${name}/${version} ${state} ${reason}`.trim()),
      [
        "test.one.v1/r1 READY not in memory; the next call loads it",
        "test.one.v1/r2 READY",
        "test.two.v1/r1 READY not in memory; the next call loads it",
        "test.two.v1/r2 READY not in memory; the next call loads it",
      ],
    );
    assert.equal(await fleet.metric("flotilla_model_ready"), 4);
    assert.equal(await fleet.metric("flotilla_model_loaded"), 1);
    assert.equal(await fleet.metric("flotilla_memory_budget_bytes"), 2 ** 20);
    const loads = await fleet.metric("flotilla_model_loads_total");
    assert(loads >= 4 + 5, `${loads} loads`);
    assert.equal(await fleet.metric("flotilla_model_unloads_total"), loads - 1);
    stream.end();
    client.close();
  });

  it("exits with 1 and says so where a port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    for (const option of ["--port", "--metrics-port"]) {
      const rest = option === "--port" ? ["--metrics-port", "0"] : ["--port", "0"];
      const { status: code, stderr } = flotilla("serve", folder, option, String(port), ...rest);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`port ${port} is taken by another program; choose one with ${option}`));
    }
    other.close();
  });

  it("exits with 1 and every finding where the fleet file is wrong", () => {
    const file = path.join(folder, "fleet.yaml");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace("r2: 100", "r2: 90").replace("name: test.two.v1", "name: test.two"),
    );
    const { status: code, stderr } = flotilla("serve", folder);
    assert.equal(code, 1);
    assert.match(stderr, /fleet\.yaml:\d+:\d+: spec\.contracts\[0\]\.traffic/);
    assert.match(stderr, /fleet\.yaml:\d+:\d+: spec\.contracts\[1\]\.name/);
  });

  it("ends with 0 when it is told to while models still load, and prints no report", async () => {
    const child = spawn(process.execPath, [FLOTILLA, "serve", folder, "--port", "0", "--metrics-port", "0"]);
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    const exit = once(child, "exit");
    for await (const chunk of child.stderr) if (String(chunk).includes("listening")) child.kill("SIGTERM");
    assert.equal((await exit)[0], 0);
    assert.equal(output, "");
  });

  it("refuses --only for a bare repository, which is served whole", () => {
    const bare = mkdtempSync(path.join(tmpdir(), "flotilla-bare-"));
    const { status: code, stderr } = flotilla("serve", bare, "--only", "scale");
    assert.equal(code, 1);
    assert.match(stderr, /--only: .* is a bare model repository, which is served whole/);
    rmSync(bare, { recursive: true });
  });

  it("says nothing where whoever reads its output stops, as other commands do", async () => {
    for (const [verb, args] of [
      ["check", [folder]],
      ["add", ["--help"]],
    ] as const) {
      const child = spawn(process.execPath, [FLOTILLA, verb, ...args]);
      child.stdout.destroy();
      const exit = once(child, "exit");
      let said = "";
      for await (const chunk of child.stderr) said += chunk;
      await exit;
      assert.equal(said, "", verb);
    }
  });

  it("writes no colours into a pipe, in CI as elsewhere", () => {
    const command = [FLOTILLA, "serve", path.join(tmpdir(), "nowhere.yaml")];
    const { stderr } = spawnSync(process.execPath, command, { encoding: "utf8", env: { ...process.env, CI: "true" } });
    assert.match(stderr, /^error: /);
  });

  it("exits with 2 on wrong usage", () => {
    assert.match(flotilla("serve", "--memory-budget", "2").stderr, /expected a size above 0, such as 512Mi or 2Gi/);
    assert.equal(flotilla("serve", folder, "--port", "http").status, 2);
    assert.equal(flotilla("serve", folder, "--only", "a/b/c").status, 2);
    assert.equal(flotilla("serve", "--nonsense").status, 2);
  });

  it("exits with 1 where there is nothing to serve", () => {
    const empty = mkdtempSync(path.join(tmpdir(), "flotilla-empty-"));
    const { status: code, stderr } = flotilla("serve", empty);
    assert.equal(code, 1);
    assert.match(stderr, /no model found; expected .*<name>.<version>.model\.onnx/);
    rmSync(empty, { recursive: true });
    assert.equal(flotilla("serve", path.join(tmpdir(), "nowhere.yaml")).status, 1);
  });

  it("serves a copy of a folder with the descriptors alone, as a container image has it", async () => {
    fleet = await FleetProcess.start(folder);
    await fleet.end();
    const image = mkdtempSync(path.join(tmpdir(), "flotilla-image-"));
    for (const part of ["fleet.yaml", "models", "generated"])
      cpSync(path.join(folder, part), path.join(image, part), { recursive: true });
    fleet = await FleetProcess.start(image);
    assert(fleet.served.models.every(({ state }) => state === "READY"));
    rmSync(image, { recursive: true });
  });
});
