import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { status } from "@grpc/grpc-js";
import { ROOT } from "../support/contract-fixture.js";
import { FleetProcess, removeFleet, writeFleet } from "../support/fleet-process.js";
import { scaleModel } from "../support/onnx-builder.js";
import { RawClient } from "../support/server.js";
import { SCALE } from "../wire/contracts.js";

const ONLY = ["--only", "test.one.v1/r1"];
const PREDICT = "/test.one.v1.ScaleService/Predict";
const REQUEST = Buffer.concat([Buffer.from([0x0a, 12]), Buffer.from(new Float32Array([1, 2, 3]).buffer)]);
/** Far longer than the test takes, so that only a full batch runs. */
const LONG_DELAY = "60s";

describe("flotilla serve --only contract/revision, with settings in the environment", () => {
  let folder: string;
  let volume: string;
  let fleet: FleetProcess | undefined;

  beforeEach(() => {
    volume = mkdtempSync(path.join(tmpdir(), "flotilla-volume-"));
    folder = writeFleet({ "test.one.v1": { body: SCALE, revisions: { r1: scaleModel({ factor: 2 }) } } });
  });
  afterEach(async () => {
    await fleet?.end();
    fleet = undefined;
    removeFleet(folder);
    rmSync(volume, { recursive: true });
  });

  it("joins calls as the environment says, whatever the fleet file does", async () => {
    const environment = { FLOTILLA_BATCHING_MAX_SIZE: "3", FLOTILLA_BATCHING_MAX_DELAY: LONG_DELAY };
    fleet = await FleetProcess.startIn(environment, folder, ...ONLY);
    const client = new RawClient(fleet.served.address);
    const runsBefore = await fleet.metric("flotilla_batch_rows_count");
    const answers = await Promise.all([1, 2, 3].map(() => client.unary(PREDICT, REQUEST)));
    assert.deepEqual(
      answers.map(({ code }) => code),
      [status.OK, status.OK, status.OK],
    );
    assert.equal((await fleet.metric("flotilla_batch_rows_count")) - runsBefore, 1);
    client.close();
  });

  it("serves a model that is mounted outside of the fleet's folder", async () => {
    const mounted = path.join(volume, "model.onnx");
    renameSync(path.join(folder, "models/test.one.v1/r1.onnx"), mounted);
    fleet = await FleetProcess.startIn({ FLOTILLA_MODEL: mounted }, folder, ...ONLY);
    assert.deepEqual(
      fleet.served.models.map(({ state }) => state),
      ["READY"],
    );
  });

  it("serves no model that is mounted and has another digest than the fleet file says", async () => {
    const mounted = path.join(volume, "model.onnx");
    writeFileSync(mounted, scaleModel({ factor: 3 }));
    fleet = await FleetProcess.startIn({ FLOTILLA_MODEL: mounted }, folder, ...ONLY);
    assert.match(fleet.served.models[0]!.problem!, /model\.onnx: its sha256 is/);
  });

  it("exits with 1 and names every variable that it can't use", () => {
    const environment = { FLOTILLA_WORKERS: "many", FLOTILLA_BATCHING_MAX_DELAY: "2" };
    const { status: code, stderr } = spawnSync(
      process.execPath,
      [path.join(ROOT, "dist/src/bin/flotilla.js"), "serve", folder, ...ONLY, "--port", "0", "--metrics-port", "0"],
      { encoding: "utf8", timeout: 20_000, env: { ...process.env, ...environment } },
    );
    assert.equal(code, 1);
    assert.match(stderr, /FLOTILLA_WORKERS is "many": expected a whole number from 1 to 256/);
    assert.match(stderr, /FLOTILLA_BATCHING_MAX_DELAY is "2": expected a duration/);
  });

  it("reads none of it where it serves more than one revision", async () => {
    fleet = await FleetProcess.startIn({ FLOTILLA_WORKERS: "many" }, folder, "--only", "test.one.v1");
    assert.equal(fleet.served.models[0]!.state, "READY");
  });
});
